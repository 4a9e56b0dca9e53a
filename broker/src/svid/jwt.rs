//! JWT-SVIDs (JWT-SVID §2 to §4): a token whose `sub` is a SPIFFE ID, verified with the bundle of that ID's trust
//! domain.
//!
//! The order is fixed: what costs least first, so that a stale token costs neither a signature check nor a fetch
//! of the bundle. JOSE, audience and times are the same as for every token (rules T1, T3, T4).

use std::sync::Arc;

use aws_lc_rs::digest::{Context, SHA256};
use aws_lc_rs::signature::ParsedPublicKey;
use shared::digest::sha256;
use shared::excerpt::excerpt;
use shared::time::UnixTime;

use super::{NeedsBundle, Verified, VerifiedSvid};
use crate::jose::{JoseAlgorithm, JoseError, Selection};
use crate::names::{NameError, Rule, SpiffeId};
use crate::token::{MAX_EXCERPT, TokenError, UnverifiedToken};
use crate::trust_domain::{Bundle, IssuerPolicy, SvidKind, TrustDomainRecord, Unusable};

/// The most keys that are tried for a token that names none. JWT-SVID §2.2 makes `kid` optional.
const MAX_TRIED: usize = 16;

/// The result of verifying a JWT-SVID.
pub enum JwtSvidVerification {
    /// It verifies with the trust domain's bundle, is for our audience and is in force.
    Verified(VerifiedSvid),
    /// The bundle cannot be used now, or lacks the key. Everything else that can be checked without it has been;
    /// the same token may be verified again when there is another bundle.
    NeedsBundle {
        /// The trust domain whose bundle is needed, and why.
        needs: NeedsBundle,
        /// The token, to be verified again with the new bundle.
        token: Box<UnverifiedToken>,
    },
}

/// Why a JWT-SVID is refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum JwtSvidError {
    /// T1, T3, T4: the rules for every token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// S0 to S8: `sub` is no SPIFFE ID of a workload.
    #[error("the token's sub is not a SPIFFE ID: {0}")]
    Name(#[from] NameError),
    /// J1: JWT-SVID §2 names the parameters that a header may have, and this is none of them.
    #[error("the token's header has the parameter {0:?}, which a JWT-SVID may not have (JWT-SVID 2)")]
    Header(String),
    /// J2: no record, or one that accepts no JWT-SVIDs.
    #[error("the trust domain {0} is not registered here for JWT-SVIDs")]
    TrustDomain(String),
    /// J3: everything is withdrawn.
    #[error("the bundle of the trust domain {0} has no key for JWT-SVIDs")]
    BundleEmpty(String),
    /// J4: no key of the bundle that is made for the algorithm made the signature of a token that names none.
    #[error(
        "the token names no key, and none of the {tried} keys of {trust_domain} for {algorithm} made its signature"
    )]
    NoKeyFits {
        /// The trust domain in the token's `sub`.
        trust_domain: String,
        /// How many were tried.
        tried: usize,
        /// What the token says.
        algorithm: JoseAlgorithm,
    },
    /// J5: the record wants another `iss`, or none.
    #[error("the token's iss is {found:?}; the trust domain {trust_domain} is registered {expected}")]
    Issuer {
        /// The trust domain in the token's `sub`.
        trust_domain: String,
        /// What the token says; empty if it says nothing.
        found: String,
        /// What the record expects, as text.
        expected: String,
    },
}

impl From<JoseError> for JwtSvidError {
    fn from(error: JoseError) -> Self {
        Self::Token(error.into())
    }
}

impl JwtSvidError {
    /// The rule that refused.
    pub fn rule(&self) -> Rule {
        match self {
            Self::Token(TokenError::Jose(JoseError::KeyUnsuitable(_))) | Self::NoKeyFits { .. } => Rule::J4,
            Self::Token(error) => error.rule(),
            Self::Name(error) => error.rule(),
            Self::Header(_) => Rule::J1,
            Self::TrustDomain(_) => Rule::J2,
            Self::BundleEmpty(_) => Rule::J3,
            Self::Issuer { .. } => Rule::J5,
        }
    }
}

impl UnverifiedToken {
    /// Verifies the token with the bundle of `record`'s trust domain, for one of `audiences`, at `now`.
    pub fn verify_svid(
        self,
        record: &Arc<TrustDomainRecord>,
        audiences: &[&str],
        now: UnixTime,
    ) -> Result<JwtSvidVerification, JwtSvidError> {
        if let Some(parameter) = &self.header.foreign {
            return Err(JwtSvidError::Header(parameter.clone()));
        }
        let algorithm = self.header.algorithm;
        if !record.allows(algorithm) {
            return Err(TokenError::AlgorithmNotAllowed { issuer: record.name().to_string(), algorithm }.into());
        }
        let id = SpiffeId::parse(&self.check_subject()?)?;
        if id.trust_domain() != record.name() || !record.accepts().jwt {
            return Err(JwtSvidError::TrustDomain(id.trust_domain().to_string()));
        }
        self.check_sole_audience(audiences)?;
        // JWT-SVID.schema has it whole, though RFC 7519 §2 allows a fraction.
        if self.claims.get("exp").is_some_and(|exp| exp.as_u64().is_none()) {
            return Err(JoseError::ClaimForm("exp").into());
        }
        let expires_at = self.check_times(record.max_token_lifetime(), now)?;
        self.check_issuer(record)?;
        let bundle = match record.bundle(now) {
            Ok(bundle) => bundle,
            Err(why) => return Ok(self.needs_bundle(record, Some(why))),
        };
        if bundle.jwt_keys().is_empty() {
            return Err(JwtSvidError::BundleEmpty(record.name().to_string()));
        }
        if !self.check_signature(&bundle, record, now)? {
            return Ok(self.needs_bundle(record, None));
        }
        let sha256 = sha256(self.compact.bytes());
        let use_sha256 = self.use_sha256()?;
        let verified = Verified { id, document: SvidKind::Jwt, expires_at, sha256, use_sha256, proof: None };
        Ok(JwtSvidVerification::Verified(VerifiedSvid::new(record, verified)))
    }

    fn needs_bundle(self, record: &Arc<TrustDomainRecord>, why: Option<Unusable>) -> JwtSvidVerification {
        let needs = NeedsBundle { record: Arc::clone(record), why };
        JwtSvidVerification::NeedsBundle { needs, token: Box::new(self) }
    }

    /// J6. From an ECDSA signature (r, s) anyone can make a second one, (r, n - s): the hash of the token's bytes would
    /// count it as another token. What is signed and r are the same in both, and differ between two tokens that the
    /// authority made.
    fn use_sha256(&self) -> Result<[u8; 32], JoseError> {
        let signature = self.compact.decode_signature()?;
        let fixed = match self.header.algorithm {
            JoseAlgorithm::Es256 | JoseAlgorithm::Es384 | JoseAlgorithm::Es512 => &signature[..signature.len() / 2],
            _ => &signature[..],
        };
        let mut hash = Context::new(&SHA256);
        hash.update(self.compact.signing_input());
        hash.update(b".");
        hash.update(fixed);
        Ok(hash.finish().as_ref().try_into().expect("SHA-256 has 32 bytes"))
    }

    /// T3. One audience, and one of ours.
    fn check_sole_audience(&self, ours: &[&str]) -> Result<(), TokenError> {
        let found = self.claims.audiences()?;
        if let [only] = *found
            && ours.contains(&only)
        {
            return Ok(());
        }
        let found = found.iter().take(4).map(|audience| excerpt(audience, MAX_EXCERPT)).collect();
        Err(TokenError::Audience { expected: ours.join(" or "), found })
    }

    /// J5.
    fn check_issuer(&self, record: &TrustDomainRecord) -> Result<(), JwtSvidError> {
        let expected = match (record.issuer(), self.issuer()) {
            (IssuerPolicy::Any, _) | (IssuerPolicy::Absent, None) => return Ok(()),
            (IssuerPolicy::Exact(iss), Some(found)) if found == iss.as_str() => return Ok(()),
            (IssuerPolicy::Absent, Some(_)) => "without one".to_owned(),
            (IssuerPolicy::Exact(iss), _) => format!("with {iss}"),
        };
        let found = self.issuer().map(|found| excerpt(found, MAX_EXCERPT)).unwrap_or_default();
        Err(JwtSvidError::Issuer { trust_domain: record.name().to_string(), found, expected })
    }

    /// J4. False if the bundle lacks the key that the token names.
    fn check_signature(
        &self,
        bundle: &Bundle,
        record: &TrustDomainRecord,
        now: UnixTime,
    ) -> Result<bool, JwtSvidError> {
        let algorithm = self.header.algorithm;
        let signature = self.compact.decode_signature()?;
        let is_by = |key: &ParsedPublicKey| key.verify_sig(self.compact.signing_input(), &signature).is_ok();
        if self.header.kid.is_none() {
            let mut tried = 0;
            for key in bundle.jwt_keys().fitting(algorithm).take(MAX_TRIED) {
                tried += 1;
                if is_by(key) {
                    return Ok(true);
                }
            }
            return Err(JwtSvidError::NoKeyFits { trust_domain: record.name().to_string(), tried, algorithm });
        }
        match bundle.jwt_keys().select(self.header.kid.as_deref(), algorithm, now) {
            Selection::Key(key) if is_by(key) => Ok(true),
            Selection::Key(_) => Err(JoseError::Signature.into()),
            Selection::Unsuitable => Err(JoseError::KeyUnsuitable(algorithm).into()),
            Selection::Unknown | Selection::Ambiguous(_) => Ok(false),
        }
    }
}
