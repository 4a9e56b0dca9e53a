//! What workloads of a trust domain present, and the bundles that they are verified with. The trust domain of the seeds
//! is one that a real SPIRE made; only what it signed is accepted.

use std::sync::{Arc, LazyLock};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use broker::grants::Grant;
use broker::names::{PublicSuffixes, SpiffeId, SpiffePrefix, TrustDomain};
use broker::registry::{Issuers, RecordSource, Registry};
use broker::svid::{
    JwtSvidVerification, Purpose, UnverifiedProofToken, UnverifiedWitSvid, UnverifiedX509Svid, WitVerification,
    X509Verification,
};
use broker::token::UnverifiedToken;
use broker::trust_domain::{
    Accepts, Bundle, BundleMap, BundleSource, CurrentBundle, TrustDomainRecord, TrustDomainSpec,
};
use rustls_pki_types::CertificateDer;
use shared::time::UnixTime;

const BUNDLE: &[u8] = include_bytes!("../../tests/vectors/spire/alpha-bundle-1.json");
const SIGNED: &[u8] = include_bytes!("../../tests/vectors/spire/alpha-jwt-svid.txt");
const UPSTREAM: &[u8] = include_bytes!("../../tests/vectors/spire/alpha-upstream-bundle.json");
/// When both were good.
const NOW: UnixTime = UnixTime::from_seconds(1_795_256_980);
const LATER: UnixTime = UnixTime::from_seconds(1_795_257_045);
const TRUST_DOMAIN: &str = "alpha.test";
const TARGET: &str = "https://seal.test/api/v2/signingCert";

fn issuers_with(bundle: Bundle, now: UnixTime) -> Issuers {
    let name = TrustDomain::parse(TRUST_DOMAIN).expect("a trust domain");
    let spec = TrustDomainSpec {
        accepts: Accepts { jwt: true, x509: true, wit: true },
        grants: vec![Grant::spiffe("spiffe://alpha.test").expect("a grant")],
        ..TrustDomainSpec::new(name, BundleSource::WorkloadApi)
    };
    let registry = Registry { trust_domains: vec![spec], ..Registry::default() };
    let issuers = Issuers::build_with(&PublicSuffixes::embedded(), registry).expect("issuers");
    record(&issuers).replace(CurrentBundle::new(Arc::new(bundle), now));
    issuers
}

fn record(issuers: &Issuers) -> &Arc<TrustDomainRecord> {
    issuers.trust_domains().find(TRUST_DOMAIN).expect("is there")
}

static ALPHA: LazyLock<Issuers> = LazyLock::new(|| issuers_with(Bundle::parse(BUNDLE).expect("a bundle"), NOW));
static BELOW_A_ROOT: LazyLock<Issuers> =
    LazyLock::new(|| issuers_with(Bundle::parse(UPSTREAM).expect("a bundle"), LATER));

/// An ID has one spelling, says again what was read, and lies below its own trust domain.
pub fn spiffe_id(bytes: &[u8]) {
    let Some(text) = crate::text(bytes) else { return };
    if let Ok(id) = SpiffeId::parse(text) {
        assert_eq!(id.as_str(), text);
        assert_eq!(text, format!("spiffe://{}{}", id.trust_domain(), id.path()));
        assert!(text.len() <= 2048 && id.path().len() > 1 && !text.ends_with('/'));
        assert!(!text.contains(['%', '?', '#', '@', ':']) || text.matches(':').count() == 1);
        assert!(id.path().split('/').skip(1).all(|part| !["", ".", ".."].contains(&part)));
        assert!(TrustDomain::parse(id.trust_domain().as_str()).is_ok());
        assert_eq!(SpiffePrefix::parse(text).expect("is a prefix too").path(), id.path());
    }
    if let Ok(name) = TrustDomain::parse(text) {
        assert_eq!(name.as_str(), text);
        assert!(!text.bytes().any(|byte| byte.is_ascii_uppercase()) && (1..=255).contains(&text.len()));
    }
    if let Ok(prefix) = SpiffePrefix::parse(text) {
        assert_eq!(prefix.to_string(), text);
    }
}

/// Of all texts only the one that the trust domain signed verifies, whatever is done to its signature.
pub fn jwt_svid(bytes: &[u8]) {
    let Ok(token) = UnverifiedToken::parse(bytes) else { return };
    let Ok(RecordSource::TrustDomain(record)) = ALPHA.source(&token) else { return };
    let Ok(JwtSvidVerification::Verified(svid)) = token.verify_svid(record, &["sigstore"], NOW) else { return };
    let signed = |token: &[u8]| token.iter().rposition(|byte| *byte == b'.').map(|end| token[..end].to_vec());
    assert_eq!(signed(bytes), signed(SIGNED));
    assert_eq!(svid.id().as_str(), "spiffe://alpha.test/ci/build");
    let permit = ALPHA.rules().permit_svid(svid).expect("is permitted");
    assert_eq!(permit.claimed().name.as_str(), "spiffe://alpha.test/ci/build");
}

/// A bundle holds no more than its entries, and what it leaves out it counts; a map is the bundles in it.
pub fn spiffe_bundle(bytes: &[u8]) {
    if let Ok(bundle) = Bundle::parse(bytes) {
        check_bundle(&bundle, bytes.len());
    }
    if let Ok(mut map) = BundleMap::parse(bytes) {
        let names: Vec<_> = map.names().map(ToString::to_string).collect();
        assert!(names.is_sorted());
        for name in names {
            let bundle = map.remove(&name).expect("is there");
            assert_eq!(bundle.refresh_hint(), None);
            check_bundle(&bundle, bytes.len());
        }
    }
    let authorities = bytes.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect::<Vec<_>>();
    if let Ok(bundle) = Bundle::from_workload_api(&authorities, br#"{"keys":[]}"#) {
        assert_eq!(bundle.authorities().len() + bundle.skipped().len(), authorities.len());
    }
}

fn check_bundle(bundle: &Bundle, length: usize) {
    let (jwt, wit) = (bundle.jwt_keys().len(), bundle.wit_keys().len());
    let taken = bundle.authorities().len() + jwt + wit;
    assert!(length <= 1 << 20 && taken + bundle.skipped().len() <= 256);
    assert!(bundle.fingerprints().len() <= taken);
    assert_eq!(bundle.is_empty(), taken == 0);
    let mut kids: Vec<_> = bundle.jwt_keys().kids().chain(bundle.wit_keys().kids()).collect();
    assert_eq!(kids.len(), jwt + wit, "each key has a name");
    kids.sort_unstable();
    kids.dedup();
    assert_eq!(kids.len(), jwt + wit, "and it alone");
    // An SVID of the seeds is accepted by a bundle with its key only.
    let alpha = record(&ALPHA).held();
    if bundle.fingerprints().is_disjoint(alpha.bundle().expect("a bundle").fingerprints()) {
        let now = NOW;
        let other = issuers_without_key(bundle.jwt_keys().is_empty());
        let token = UnverifiedToken::parse(SIGNED.trim_ascii()).expect("a token");
        assert!(!matches!(token.verify_svid(record(other), &["sigstore"], now), Ok(JwtSvidVerification::Verified(_))));
    }
}

fn issuers_without_key(is_empty: bool) -> &'static Issuers {
    static EMPTY: LazyLock<Issuers> =
        LazyLock::new(|| issuers_with(Bundle::parse(br#"{"keys":[]}"#).expect("a bundle"), NOW));
    if is_empty { &EMPTY } else { &BELOW_A_ROOT }
}

/// A chain: each certificate has its length before it, in two bytes. What verifies is a leaf that the trust domain
/// signed, with one SPIFFE ID of it, whatever lies beside it.
pub fn x509_svid(bytes: &[u8]) {
    let mut chain = Vec::new();
    let mut rest = bytes;
    while let Some((length, after)) = rest.split_first_chunk::<2>() {
        let at = usize::from(u16::from_be_bytes(*length)).min(after.len());
        let (der, after) = after.split_at(at);
        chain.push(CertificateDer::from(der));
        rest = after;
    }
    for purpose in [Purpose::ClientAuthentication, Purpose::ServerAuthentication] {
        let Ok(svid) = UnverifiedX509Svid::parse(&chain, purpose) else { continue };
        assert!(chain.len() <= 8 && bytes.len() <= 32 * 1024 + 2 * chain.len());
        for (issuers, now) in [(&*ALPHA, NOW), (&*BELOW_A_ROOT, LATER)] {
            let Ok(X509Verification::Verified(verified)) = svid.verify(record(issuers), purpose, now) else { continue };
            assert_eq!(verified.id(), svid.id());
            assert_eq!(verified.id().as_str(), "spiffe://alpha.test/ci/build", "no other leaf was ever signed");
            assert!(issuers.rules().permit_svid(verified).is_ok());
        }
    }
}

static HOLDER: LazyLock<EcdsaKeyPair> =
    LazyLock::new(|| EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key"));
static AUTHORITY: LazyLock<EcdsaKeyPair> =
    LazyLock::new(|| EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key"));

fn jwk(key: &EcdsaKeyPair, more: &str) -> String {
    let (x, y) = key.public_key().as_ref()[1..].split_at(32);
    let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
    format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}"{more}}}"#)
}

fn sign(key: &EcdsaKeyPair, header: &str, claims: &str) -> Vec<u8> {
    let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = key.sign(&SystemRandom::new(), input.as_bytes()).expect("signs");
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature)).into_bytes()
}

static WIT_ISSUERS: LazyLock<Issuers> = LazyLock::new(|| {
    let bundle = format!(r#"{{"keys":[{}]}}"#, jwk(&AUTHORITY, r#","use":"wit-svid","kid":"w""#));
    issuers_with(Bundle::parse(bundle.as_bytes()).expect("a bundle"), NOW)
});

static WIT: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let exp = NOW.seconds() + 600;
    let key = jwk(&HOLDER, r#","alg":"ES256""#);
    let claims = format!(r#"{{"sub":"spiffe://alpha.test/ci/build","exp":{exp},"cnf":{{"jwk":{key}}}}}"#);
    sign(&AUTHORITY, r#"{"alg":"ES256","kid":"w","typ":"wit+jwt"}"#, &claims)
});

/// A WIT-SVID and a proof, parted by a line feed, as they come; then, as claims of a token that the trust domain signs
/// and of a proof that the holder signs. Nothing verifies without `cnf`, with an audience, or by a proof without the
/// token's hash.
pub fn wit_svid(bytes: &[u8]) {
    let at = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (first, second) = (&bytes[..at], bytes.get(at + 1..).unwrap_or_default());
    let verify = |wit: &[u8], proof: &[u8]| {
        let wit = UnverifiedWitSvid::parse(wit).ok()?;
        let proof = UnverifiedProofToken::parse(proof).ok()?;
        match wit.verify(&proof, TARGET, record(&WIT_ISSUERS), NOW).ok()? {
            WitVerification::Verified(svid) => Some(svid),
            WitVerification::NeedsBundle(_) => None,
        }
    };
    assert!(verify(first, second).is_none(), "only the two keys of this run sign anything");
    let (Some(claims), Some(proof_claims)) = (crate::text(first), crate::text(second)) else { return };
    let proof = sign(&HOLDER, r#"{"alg":"ES256","typ":"wpt+jwt"}"#, proof_claims);
    if let Some(svid) = verify(&WIT, &proof) {
        let used = svid.use_of().proof.expect("a proof");
        assert!(!used.jti.is_empty() && used.jti.len() <= 256 && used.expires_at > NOW);
        panic!("the hash of a token of this run is in no seed");
    }
    let signed = sign(&AUTHORITY, r#"{"alg":"ES256","kid":"w","typ":"wit+jwt"}"#, claims);
    let Ok(wit) = UnverifiedWitSvid::parse(&signed) else { return };
    assert!(!claims.contains("\"aud\"") && claims.contains("cnf") && claims.contains("spiffe://"));
    // A sound proof for it: by the key of this run, so it is good only for a token that names that key, and no seed
    // can.
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &signed);
    let sound = format!(
        r#"{{"aud":"{TARGET}","exp":{},"jti":"j","wth":"{}"}}"#,
        NOW.seconds() + 60,
        URL_SAFE_NO_PAD.encode(hash)
    );
    let proof = sign(&HOLDER, r#"{"alg":"ES256","typ":"wpt+jwt"}"#, &sound);
    assert!(verify(&signed, &proof).is_none(), "{}", wit.id());
}
