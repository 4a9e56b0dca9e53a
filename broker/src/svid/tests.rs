//! What a real SPIRE said, held against every bundle that it ever published. tests/vectors/spire/README.md says what
//! each file is.

use std::sync::Arc;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use shared::time::UnixTime;

use super::*;
use crate::names::{PublicSuffixes, SpiffeId, TrustDomain};
use crate::registry::{Issuers, RecordSource, Registry};
use crate::svid::{JwtSvidError, JwtSvidVerification};
use crate::token::{TokenError, UnverifiedToken};
use crate::trust_domain::{Bundle, BundleSource, CurrentBundle, TrustDomainSpec};

macro_rules! spire {
    ($name:literal) => {
        include_bytes!(concat!("../../../tests/vectors/spire/", $name))
    };
}

/// Name, trust domain, document.
const BUNDLES: [(&str, &str, &[u8]); 7] = [
    ("alpha-1", "alpha.test", spire!("alpha-bundle-1.json")),
    ("alpha-2", "alpha.test", spire!("alpha-bundle-2-prepared.json")),
    ("alpha-3", "alpha.test", spire!("alpha-bundle-3-tainted.json")),
    ("alpha-4", "alpha.test", spire!("alpha-bundle-4-revoked.json")),
    ("upstream", "alpha.test", spire!("alpha-upstream-bundle.json")),
    ("upstream-served", "alpha.test", spire!("alpha-upstream-bundle-as-served.json")),
    ("beta", "beta.test", spire!("beta-bundle-1.json")),
];

/// 2026-11-21 10:29:40, 10:30:18 and 10:30:45 UTC.
const FIRST: u64 = 1_795_256_980;
const ROTATED: u64 = 1_795_257_018;
const UPSTREAM: u64 = 1_795_257_045;

/// The file, its moment, its audience, and the bundles that must take it.
type Svid = (&'static [u8], u64, &'static str, &'static [&'static str]);

const JWT_SVIDS: [Svid; 4] = [
    (spire!("alpha-jwt-svid.txt"), FIRST, "sigstore", &["alpha-1", "alpha-2", "alpha-3"]),
    (spire!("alpha-jwt-svid-after-rotation.txt"), ROTATED, "sigstore2", &["alpha-2", "alpha-3", "alpha-4"]),
    (spire!("alpha-upstream-jwt-svid-with-iss.txt"), UPSTREAM, "sigstore", &["upstream", "upstream-served"]),
    (spire!("beta-jwt-svid.txt"), FIRST, "sigstore", &["beta"]),
];

const X509_SVIDS: [Svid; 4] = [
    (spire!("alpha-x509-svid.pem"), FIRST, "", &["alpha-1", "alpha-2", "alpha-3"]),
    (spire!("alpha-x509-svid-after-rotation.pem"), ROTATED, "", &["alpha-2", "alpha-3", "alpha-4"]),
    (spire!("alpha-upstream-x509-svid-chain.pem"), UPSTREAM, "", &["upstream", "upstream-served"]),
    (spire!("beta-x509-svid.pem"), FIRST, "", &["beta"]),
];

/// A snapshot with one trust domain that has this bundle.
fn registered(trust_domain: &str, bundle: &[u8], now: UnixTime) -> Issuers {
    let name = TrustDomain::parse(trust_domain).expect("a trust domain");
    let spec = TrustDomainSpec::new(name, BundleSource::WorkloadApi);
    let registry = Registry { trust_domains: vec![spec], ..Registry::default() };
    let issuers = Issuers::build_with(&PublicSuffixes::embedded(), registry).expect("builds");
    let record = issuers.trust_domains().find(trust_domain).expect("is there");
    record.replace(CurrentBundle::new(Arc::new(Bundle::parse(bundle).expect("a bundle")), now));
    issuers
}

fn verify_jwt(issuers: &Issuers, text: &[u8], audience: &str, now: UnixTime) -> Result<SpiffeId, String> {
    let token = UnverifiedToken::parse(text.trim_ascii()).map_err(|error| error.to_string())?;
    let RecordSource::TrustDomain(record) = issuers.source(&token).map_err(|error| error.to_string())? else {
        return Err("it leads to an issuer".to_owned());
    };
    match token.verify_svid(record, &[audience], now).map_err(|error| error.to_string())? {
        JwtSvidVerification::Verified(svid) => Ok(svid.id().clone()),
        JwtSvidVerification::NeedsBundle { needs, .. } => Err(format!("{:?}", needs.why)),
    }
}

fn chain(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().expect("certificates")
}

fn verify_x509(issuers: &Issuers, pem: &[u8], now: UnixTime) -> Result<SpiffeId, String> {
    let svid =
        UnverifiedX509Svid::parse(&chain(pem), Purpose::ClientAuthentication).map_err(|error| error.to_string())?;
    let record = issuers.trust_domains().find(svid.id().trust_domain().as_str()).ok_or("it is not registered")?;
    match svid.verify(record, Purpose::ClientAuthentication, now).map_err(|error| error.to_string())? {
        X509Verification::Verified(svid) => Ok(svid.id().clone()),
        X509Verification::NeedsBundle(needs) => Err(format!("{:?}", needs.why)),
    }
}

#[test]
fn every_svid_of_a_real_spire_is_taken_by_the_bundles_of_its_authority_and_by_no_other() {
    for (name, trust_domain, bundle) in BUNDLES {
        for (at, (text, now, audience, takers)) in JWT_SVIDS.into_iter().enumerate() {
            let now = UnixTime::from_seconds(now);
            let verified = verify_jwt(&registered(trust_domain, bundle, now), text, audience, now);
            assert_eq!(verified.is_ok(), takers.contains(&name), "JWT-SVID {at} by {name}: {verified:?}");
        }
        for (at, (pem, now, _, takers)) in X509_SVIDS.into_iter().enumerate() {
            let now = UnixTime::from_seconds(now);
            let verified = verify_x509(&registered(trust_domain, bundle, now), pem, now);
            assert_eq!(verified.is_ok(), takers.contains(&name), "X.509-SVID {at} by {name}: {verified:?}");
            if let Ok(id) = verified {
                assert_eq!(id.as_str(), format!("spiffe://{trust_domain}/ci/build"));
            }
        }
    }
}

#[test]
fn a_bundle_says_its_sequence_and_when_to_look_again() {
    let served = Bundle::parse(BUNDLES[5].2).expect("a bundle");
    assert_eq!(served.refresh_hint(), Some(std::time::Duration::from_secs(300)));
    let sequences = BUNDLES.map(|(_, _, bundle)| Bundle::parse(bundle).expect("a bundle").sequence());
    assert!(sequences[0] < sequences[1] && sequences[1] < sequences[2] && sequences[2] < sequences[3], "{sequences:?}");
    for (name, _, bundle) in BUNDLES {
        assert_eq!(Bundle::parse(bundle).expect("a bundle").skipped(), [], "{name}");
    }
}

#[test]
fn a_token_of_one_trust_domain_by_the_key_of_another_is_refused() {
    // The bundle of beta, held as alpha's: the kid is not in it, so a fetch is asked for, and nothing is verified.
    let (text, now, audience, _) = JWT_SVIDS[0];
    let now = UnixTime::from_seconds(now);
    let issuers = registered("alpha.test", BUNDLES[6].2, now);
    assert_eq!(verify_jwt(&issuers, text, audience, now), Err("None".to_owned()));
    let error = verify_jwt(&issuers, text, "other", now).expect_err("another audience");
    assert!(error.contains("audience"), "{error}");
    let (_, error) = (now, verify_x509(&issuers, X509_SVIDS[0].0, now).expect_err("another authority"));
    assert!(error.contains("UnknownIssuer"), "{error}");
}

#[test]
fn an_old_bundle_and_an_empty_one_vouch_for_nothing() {
    let (text, now, audience, _) = JWT_SVIDS[0];
    let now = UnixTime::from_seconds(now);
    let stale = registered("alpha.test", BUNDLES[0].2, now.minus(std::time::Duration::from_secs(86_401)));
    assert!(verify_jwt(&stale, text, audience, now).expect_err("stale").contains("Stale"));
    assert!(verify_x509(&stale, X509_SVIDS[0].0, now).expect_err("stale").contains("Stale"));
    let empty = registered("alpha.test", br#"{"keys":[]}"#, now);
    assert!(verify_jwt(&empty, text, audience, now).expect_err("empty").contains("has no key"));
    assert!(verify_x509(&empty, X509_SVIDS[0].0, now).expect_err("empty").contains("has no certificate"));
}

#[test]
fn a_workload_of_no_registered_trust_domain_learns_that() {
    let issuers = Issuers::build(Vec::new(), Vec::new()).expect("builds");
    let token = UnverifiedToken::parse(JWT_SVIDS[0].0.trim_ascii()).expect("parses");
    assert_eq!(issuers.source(&token).err(), Some(TokenError::TrustDomainUnknown("alpha.test".into())));
    let error = JwtSvidError::from(TokenError::TrustDomainUnknown("a".into()));
    assert_eq!(error.rule(), crate::names::Rule::J2);
}
