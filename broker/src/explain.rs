//! Why a token would, or would not, get a certificate: the path of `signing`, told step by step, with no certificate at
//! its end.
//!
//! The very functions that judge a signing request judge here, so an explanation cannot differ from what the authority
//! does. No key is asked for, no signing key is used, nothing is recorded, and the token is named by its SHA-256 alone.

mod extension;

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use shared::time::UnixTime;

pub use extension::extension_name;

use crate::credential::{Attributed, Credential, CredentialError, CredentialVerification};
use crate::grants::Mismatch;
use crate::issuer::Issuer;
use crate::jose::{JoseError, Part};
use crate::names::Rule;
use crate::namespace::{Denied, Permit};
use crate::principal::Principal;
use crate::registry::{Issuers, Source};
use crate::svid::{JwtSvidError, NeedsBundle};
use crate::token::TokenError;
use crate::trust_domain::TrustDomainRecord;

/// What is looked at, in this order; the first that refuses ends it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Step {
    /// The token is a strict compact JWS with an `iss`.
    Parse,
    /// A record has exactly this `iss`.
    Issuer,
    /// The record takes the token's algorithm.
    Algorithm,
    /// The token is for us.
    Audience,
    /// The token is in force, and not for too long.
    Times,
    /// The token has a `sub`.
    Subject,
    /// A key of the issuer made the signature.
    Signature,
    /// The claims that the record pins have their values; a token of our own provider names its connector.
    Pins,
    /// The claims meet the record's conditions.
    Match,
    /// The claims are a name that a certificate can hold.
    Claim,
    /// A grant gives the name to the asserter, and to nobody else.
    Grant,
    /// Nothing that the operator wrote denies it after all.
    Deny,
}

impl Step {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Parse,
        Self::Issuer,
        Self::Algorithm,
        Self::Audience,
        Self::Times,
        Self::Subject,
        Self::Signature,
        Self::Pins,
        Self::Match,
        Self::Claim,
        Self::Grant,
        Self::Deny,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Parse => "parse",
            Self::Issuer => "issuer",
            Self::Algorithm => "algorithm",
            Self::Audience => "audience",
            Self::Times => "times",
            Self::Subject => "subject",
            Self::Signature => "signature",
            Self::Pins => "pins",
            Self::Match => "match",
            Self::Claim => "claim",
            Self::Grant => "grant",
            Self::Deny => "deny",
        }
    }
}

/// What would come of a token.
#[derive(Debug)]
pub struct Explanation {
    /// SHA-256 of the token's bytes.
    pub token_sha256: [u8; 32],
    /// The record that the token leads to.
    pub record: Option<Record>,
    /// The end.
    pub verdict: Verdict,
}

/// A record that a token leads to.
#[derive(Clone, Debug)]
pub enum Record {
    /// By its `iss`.
    Issuer(Arc<Issuer>),
    /// By its `sub`.
    TrustDomain(Arc<TrustDomainRecord>),
}

impl Record {
    fn of(source: Source<'_>) -> Self {
        match source {
            Source::Issuer(issuer) => Self::Issuer(Arc::clone(issuer)),
            Source::TrustDomain(record) => Self::TrustDomain(Arc::clone(record)),
        }
    }

    /// What the operator calls it: an issuer's identifier, a trust domain's name.
    pub fn id(&self) -> &str {
        match self {
            Self::Issuer(issuer) => issuer.id(),
            Self::TrustDomain(record) => record.name().as_str(),
        }
    }
}

/// How it ends.
#[derive(Debug)]
pub enum Verdict {
    /// With a certificate that says this.
    Permitted(Box<Principal>),
    /// With a refusal.
    Refused(Refusal),
}

/// Which step refused, by which rule, and why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// The step.
    pub step: Step,
    /// The rule.
    pub rule: Rule,
    /// In words, as the authority would say it.
    pub reason: String,
    /// Who owns the name, if that is why. For those who look after the instance, not for the one who asked.
    pub owner: Option<String>,
}

/// What comes of the question.
#[derive(Debug)]
pub enum Outcome {
    /// An explanation.
    Explained(Explanation),
    /// The issuer's keys must be fetched first; then ask again. Whoever cannot fetch them has the explanation as it is
    /// without.
    NeedsKeys {
        /// Whose.
        issuer: Arc<Issuer>,
        /// The refusal of a token whose key is not published.
        otherwise: Explanation,
    },
    /// The bundle of the trust domain must be fetched first; then ask again, in the same way.
    NeedsBundle {
        /// Whose.
        record: Arc<TrustDomainRecord>,
        /// The refusal as it is without.
        otherwise: Explanation,
    },
}

/// Explains what the authority would do with `token` at `now`.
pub fn explain(token: &[u8], issuers: &Issuers, now: UnixTime) -> Outcome {
    let token_sha256 = digest(&SHA256, token).as_ref().try_into().expect("SHA-256 has 32 bytes");
    let asked = Asked { token_sha256, issuers, now };
    let attributed = match Credential::token(token) {
        Ok(credential) => credential.attribute(issuers),
        Err(error) => Err(error.into()),
    };
    match attributed {
        Ok(attributed) => asked.verified(attributed),
        Err(error) => asked.refused(None, of_credential(&error)),
    }
}

/// The question.
struct Asked<'a> {
    token_sha256: [u8; 32],
    issuers: &'a Issuers,
    now: UnixTime,
}

impl Asked<'_> {
    fn told(&self, record: Option<Record>, verdict: Verdict) -> Explanation {
        Explanation { token_sha256: self.token_sha256, record, verdict }
    }

    fn refused(&self, record: Option<Record>, refusal: Refusal) -> Outcome {
        Outcome::Explained(self.told(record, Verdict::Refused(refusal)))
    }

    fn decided(&self, record: Record, decision: Result<Permit, Denied>) -> Outcome {
        let verdict = match decision {
            Ok(permit) => Verdict::Permitted(Box::new(Principal::from(permit))),
            Err(denied) => Verdict::Refused(of_denied(&denied)),
        };
        Outcome::Explained(self.told(Some(record), verdict))
    }

    fn verified(&self, attributed: Attributed<'_>) -> Outcome {
        let record = Record::of(attributed.source());
        match attributed.verify(self.now) {
            Ok(CredentialVerification::Verified(credential)) => {
                self.decided(record, self.issuers.rules().permit_credential(*credential))
            }
            Ok(CredentialVerification::NeedsKeys { issuer, .. }) => {
                let reason = format!("the token is signed by a key that its issuer {} does not publish", issuer.iss());
                let refusal = Refusal { step: Step::Signature, rule: Rule::T1, reason, owner: None };
                let otherwise = self.told(Some(record), Verdict::Refused(refusal));
                Outcome::NeedsKeys { issuer, otherwise }
            }
            Ok(CredentialVerification::NeedsBundle { needs: NeedsBundle { record: trust_domain, why }, .. }) => {
                let (rule, reason) = match why {
                    Some(why) => (Rule::J3, format!("the trust domain {}: {why}", trust_domain.name())),
                    None => (Rule::J4, format!("the bundle of {} does not hold the token's key", trust_domain.name())),
                };
                let refusal = Refusal { step: Step::Signature, rule, reason, owner: None };
                let otherwise = self.told(Some(record), Verdict::Refused(refusal));
                Outcome::NeedsBundle { record: trust_domain, otherwise }
            }
            Err(error) => self.refused(Some(record), of_credential(&error)),
        }
    }
}

fn of_credential(error: &CredentialError) -> Refusal {
    let rule = match error {
        CredentialError::JwtSvid(error) => return of_jwt_svid(error),
        CredentialError::Token(error) => return of_token(error),
        // A token is all that is explained, so neither of these is ever told.
        CredentialError::WitSvid(error) => error.rule(),
        CredentialError::X509Svid(error) => error.rule(),
    };
    Refusal { step: Step::Signature, rule, reason: error.to_string(), owner: None }
}

fn of_jwt_svid(error: &JwtSvidError) -> Refusal {
    let step = match error {
        JwtSvidError::Token(error) => return of_token(error),
        JwtSvidError::Header(_) => Step::Parse,
        JwtSvidError::TrustDomain(_) | JwtSvidError::Issuer { .. } => Step::Issuer,
        JwtSvidError::Name(_) => Step::Subject,
        JwtSvidError::BundleEmpty(_) | JwtSvidError::NoKeyFits { .. } => Step::Signature,
    };
    Refusal { step, rule: error.rule(), reason: error.to_string(), owner: None }
}

fn of_token(error: &TokenError) -> Refusal {
    let step = match error {
        TokenError::Jose(error) => step_of_form(error),
        TokenError::IssuerMismatch(_) | TokenError::IssuerUnknown(_) | TokenError::TrustDomainUnknown(_) => {
            Step::Issuer
        }
        TokenError::AlgorithmNotAllowed { .. } => Step::Algorithm,
        TokenError::Audience { .. } => Step::Audience,
        TokenError::Expired { .. } | TokenError::Lifetime { .. } | TokenError::NotYet { .. } => Step::Times,
    };
    Refusal { step, rule: error.rule(), reason: error.to_string(), owner: None }
}

fn step_of_form(error: &JoseError) -> Step {
    match error {
        JoseError::AlgorithmUnknown(_)
        | JoseError::Base64(Part::Claims | Part::Header)
        | JoseError::Critical
        | JoseError::HeaderType(_)
        | JoseError::Json { .. }
        | JoseError::Segments
        | JoseError::TooLong { .. }
        | JoseError::Type(_) => Step::Parse,
        JoseError::Base64(Part::Signature)
        | JoseError::KeyAmbiguous { .. }
        | JoseError::KeyUnsuitable(_)
        | JoseError::Signature => Step::Signature,
        JoseError::ClaimForm(claim) | JoseError::ClaimMissing(claim) => match *claim {
            "aud" => Step::Audience,
            "iss" => Step::Parse,
            "sub" => Step::Subject,
            _ => Step::Times,
        },
    }
}

fn of_denied(denied: &Denied) -> Refusal {
    let owner = match denied {
        Denied::OwnedByAnother { owner, .. } => Some(owner.to_string()),
        _ => None,
    };
    Refusal { step: step_of_denied(denied), rule: denied.rule(), reason: denied.to_string(), owner }
}

/// The letter of a rule says what it is about; only what a name must look like is asked in two places, of claims and of
/// grants.
fn step_of_denied(denied: &Denied) -> Step {
    match denied {
        Denied::Claim(_) => Step::Claim,
        Denied::ConnectorMissing | Denied::ConnectorUnknown(_) => Step::Pins,
        Denied::Expression(_) => Step::Deny,
        Denied::RecordReplaced(_) => Step::Issuer,
        Denied::Mismatch(mismatch) => step_of_mismatch(mismatch),
        Denied::NotGranted { .. } | Denied::OwnedByAnother { .. } => Step::Grant,
    }
}

fn step_of_mismatch(mismatch: &Mismatch) -> Step {
    match mismatch {
        Mismatch::ConditionDiffers { .. }
        | Mismatch::ConditionList(_)
        | Mismatch::ConditionMissing(_)
        | Mismatch::ConditionType(_) => Step::Match,
        Mismatch::NotListed { .. } => Step::Grant,
        Mismatch::PinDiffers(_) | Mismatch::PinMissing(_) => Step::Pins,
    }
}

#[cfg(test)]
mod tests;
