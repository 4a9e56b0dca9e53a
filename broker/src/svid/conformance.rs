//! What the SPIFFE standards demand of a validator, clause by clause.
//!
//! The identifiers in the names of the tests are those of a black-box conformance suite for SPIFFE implementations: XV
//! and XF of X.509-SVIDs, JV of JWT-SVIDs, JB of bundles, ID of SPIFFE IDs; DX, DJ and DB go on where it ends, and DW
//! is of WIT-SVIDs, which it does not know. Before each refusal, its
//! sound counterpart is accepted under the same bundle, so a validator that refuses everything fails here.

mod bundles;
mod ids;
mod jwt;
mod wit;
mod x509;

use shared::time::UnixTime;

use std::sync::Arc;

use super::mint::Party;
use super::*;
use crate::grants::Grant;
use crate::jose::JoseAlgorithm;
use crate::names::{Audience, PublicSuffixes, TrustDomain};
use crate::registry::{Issuers, RecordSource, Registry};
use crate::signing::SigningError;
use crate::svid::JwtSvidVerification;
use crate::token::UnverifiedToken;
use crate::token::mint::{NOW, TestKey};
use crate::trust_domain::{Accepts, Bundle, BundleSource, CurrentBundle, SvidKind, TrustDomainSpec};

const HOME: &str = "test.example.org";
const FEDERATED: &str = "fed.example.org";
const NOW_TIME: UnixTime = UnixTime::from_seconds(NOW);

/// The verified SPIFFE ID, or the rule that refused.
type Decision = Result<String, &'static str>;

/// An instance with trust domains, each of which may assert all its own names.
struct Validator(Issuers);

impl Validator {
    fn new(specs: Vec<TrustDomainSpec>) -> Self {
        let registry = Registry { trust_domains: specs, ..Registry::default() };
        Self(
            Issuers::build_with(&PublicSuffixes::embedded(), registry)
                .unwrap_or_else(|problems| panic!("{problems:?}")),
        )
    }

    /// The home trust domain with these entries in its bundle.
    fn home(entries: &[String]) -> Self {
        Self::of(&[(HOME, entries)])
    }

    fn of(bundles: &[(&str, &[String])]) -> Self {
        let validator = Self::new(bundles.iter().map(|(name, _)| spec(name)).collect());
        for (name, entries) in bundles {
            validator.publish(name, entries);
        }
        validator
    }

    /// The trust domain has another bundle.
    fn publish(&self, name: &str, entries: &[String]) {
        self.put(name, Bundle::parse(document(entries).as_bytes()).expect("a bundle"));
    }

    fn put(&self, name: &str, bundle: Bundle) {
        let record = self.0.trust_domains().find(name).expect("is registered");
        record.replace(CurrentBundle::new(Arc::new(bundle), NOW_TIME));
    }

    /// The trust domain's bundle is taken away.
    fn forget(&self, name: &str) {
        self.0.trust_domains().find(name).expect("is registered").replace(CurrentBundle::nothing());
    }

    fn jwt(&self, token: &str) -> Decision {
        self.jwt_at(token, NOW_TIME)
    }

    fn jwt_at(&self, token: &str, now: UnixTime) -> Decision {
        let verified = || -> Result<VerifiedSvid, SigningError> {
            let token = UnverifiedToken::parse(token.as_bytes())?;
            let RecordSource::TrustDomain(record) = self.0.source(&token)? else { panic!("leads to an issuer") };
            match token.verify_svid(record, &["conformance"], now)? {
                JwtSvidVerification::Verified(svid) => Ok(svid),
                JwtSvidVerification::NeedsBundle { needs, .. } => Err(needs.into()),
            }
        };
        self.permitted(verified())
    }

    /// The same, before the rules decide whether it is permitted.
    fn verify_jwt(&self, token: &str) -> VerifiedSvid {
        let token = UnverifiedToken::parse(token.as_bytes()).expect("parses");
        let Ok(RecordSource::TrustDomain(record)) = self.0.source(&token) else { panic!("leads to no trust domain") };
        match token.verify_svid(record, &["conformance"], NOW_TIME).expect("is accepted") {
            JwtSvidVerification::Verified(svid) => svid,
            JwtSvidVerification::NeedsBundle { needs, .. } => panic!("{needs:?}"),
        }
    }

    fn x509(&self, chain: &[&Party]) -> Decision {
        let chain: Vec<_> = chain.iter().map(|party| party.der().clone()).collect();
        self.x509_at(&chain, NOW_TIME)
    }

    fn x509_at(&self, chain: &[rustls_pki_types::CertificateDer<'_>], now: UnixTime) -> Decision {
        let verified = || -> Result<VerifiedSvid, SigningError> {
            let svid = UnverifiedX509Svid::parse(chain, Purpose::ClientAuthentication)?;
            let record = self.0.trust_domains().find(svid.id().trust_domain().as_str());
            let record = record.ok_or_else(|| X509SvidError::TrustDomain(svid.id().trust_domain().to_string()))?;
            match svid.verify(record, Purpose::ClientAuthentication, now)? {
                X509Verification::Verified(svid) => Ok(svid),
                X509Verification::NeedsBundle(needs) => Err(needs.into()),
            }
        };
        self.permitted(verified())
    }

    fn permitted(&self, verified: Result<VerifiedSvid, SigningError>) -> Decision {
        match verified {
            Ok(svid) => {
                let permit = self.0.rules().permit_svid(svid).map_err(|denied| denied.rule().id())?;
                Ok(permit.claimed().name.as_str().to_owned())
            }
            Err(SigningError::Caller(fault)) => Err(fault.rule()),
            Err(SigningError::Upstream(_)) => Err("no bundle"),
            Err(SigningError::Ours(fault)) => panic!("{fault}"),
        }
    }
}

fn spec(name: &str) -> TrustDomainSpec {
    TrustDomainSpec {
        audience: Audience::parse("conformance").expect("is an audience"),
        accepts: Accepts { wit: true, ..Accepts::default() },
        grants: vec![Grant::spiffe(&format!("spiffe://{name}")).expect("is a grant")],
        ..TrustDomainSpec::new(TrustDomain::parse(name).expect("is a trust domain"), BundleSource::WorkloadApi)
    }
}

fn document(entries: &[String]) -> String {
    format!(r#"{{"keys":[{}],"spiffe_sequence":1}}"#, entries.join(","))
}

fn id(path: &str) -> String {
    format!("spiffe://{HOME}/{path}")
}

/// Accepted, as exactly this.
fn accepted(verdict: Decision, id: &str) {
    assert_eq!(verdict.as_deref(), Ok(id));
}
