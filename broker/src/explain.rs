//! Why a token would, or would not, get a certificate: the steps of `signing`, one by one, without a
//! certificate at the end.
//!
//! The functions that decide about a signing request decide here too, so an explanation cannot differ from what the
//! authority does. No key is asked for, no signing key is used, nothing is recorded, and the token is named by its
//! SHA-256 alone.

mod extension;

use std::sync::Arc;

use shared::digest::sha256;
use shared::time::UnixTime;

pub use extension::extension_name;

use crate::credential::{Attributed, Credential, CredentialError, CredentialVerification};
use crate::grants::Mismatch;
use crate::issuer::Issuer;
use crate::jose::{JoseError, TokenPart};
use crate::names::Rule;
use crate::namespace::{Denied, Permit};
use crate::principal::Principal;
use crate::registry::{Issuers, RecordSource};
use crate::svid::{JwtSvidError, NeedsBundle};
use crate::token::TokenError;
use crate::trust_domain::TrustDomainRecord;

/// The checks, in this order; the first that refuses is the last.
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
    /// A grant gives the name to the asserter, and to no one else.
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

    /// The step's name in reports.
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

/// Whether a token would be accepted, and which record decided.
#[derive(Debug)]
pub struct Explanation {
    /// SHA-256 of the token's bytes.
    pub token_sha256: [u8; 32],
    /// The record that the token leads to.
    pub record: Option<ExplainedRecord>,
    /// Whether the token would get a certificate.
    pub decision: ExplainedDecision,
}

/// A record that a token leads to.
#[derive(Clone, Debug)]
pub enum ExplainedRecord {
    /// By its `iss`.
    Issuer(Arc<Issuer>),
    /// By its `sub`.
    TrustDomain(Arc<TrustDomainRecord>),
}

impl ExplainedRecord {
    fn of(source: RecordSource<'_>) -> Self {
        match source {
            RecordSource::Issuer(issuer) => Self::Issuer(Arc::clone(issuer)),
            RecordSource::TrustDomain(record) => Self::TrustDomain(Arc::clone(record)),
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

/// Whether the token would get a certificate.
#[derive(Debug)]
pub enum ExplainedDecision {
    /// With a certificate that says this.
    Permitted(Box<Principal>),
    /// With a refusal.
    Refused(ExplainedRefusal),
}

/// Which step refused, by which rule, and why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ExplainedRefusal {
    /// The step that refused.
    pub step: Step,
    /// The rule that refused.
    pub rule: Rule,
    /// The reason, in the words of the authority's refusal.
    pub reason: String,
    /// Who owns the name, if that is the reason. For administrators and auditors, not for the token's holder.
    pub owner: Option<String>,
}

/// The result of [`explain`].
#[derive(Debug)]
pub enum ExplainOutcome {
    /// An explanation.
    Explained(Explanation),
    /// The issuer's keys must be fetched first; then ask again. A caller who cannot fetch them uses `otherwise`.
    NeedsKeys {
        /// The issuer whose keys are needed.
        issuer: Arc<Issuer>,
        /// The refusal of a token whose key is not published.
        otherwise: Explanation,
    },
    /// The bundle of the trust domain must be fetched first; then ask again, in the same way.
    NeedsBundle {
        /// The trust domain whose bundle is needed.
        record: Arc<TrustDomainRecord>,
        /// The refusal as it is without.
        otherwise: Explanation,
    },
}

/// Explains what the authority would do with `token` at `now`.
pub fn explain(token: &[u8], issuers: &Issuers, now: UnixTime) -> ExplainOutcome {
    let request = ExplainRequest { token_sha256: sha256(token), issuers, now };
    let attributed = match Credential::token(token) {
        Ok(credential) => credential.attribute(issuers),
        Err(error) => Err(error.into()),
    };
    match attributed {
        Ok(attributed) => request.verified(attributed),
        Err(error) => request.refused(None, of_credential(&error)),
    }
}

/// What `explain` was called with.
struct ExplainRequest<'a> {
    token_sha256: [u8; 32],
    issuers: &'a Issuers,
    now: UnixTime,
}

impl ExplainRequest<'_> {
    fn explanation(&self, record: Option<ExplainedRecord>, decision: ExplainedDecision) -> Explanation {
        Explanation { token_sha256: self.token_sha256, record, decision }
    }

    fn refused(&self, record: Option<ExplainedRecord>, refusal: ExplainedRefusal) -> ExplainOutcome {
        ExplainOutcome::Explained(self.explanation(record, ExplainedDecision::Refused(refusal)))
    }

    fn decided(&self, record: ExplainedRecord, decision: Result<Permit, Denied>) -> ExplainOutcome {
        let decision = match decision {
            Ok(permit) => ExplainedDecision::Permitted(Box::new(Principal::from(permit))),
            Err(denied) => ExplainedDecision::Refused(of_denied(&denied)),
        };
        ExplainOutcome::Explained(self.explanation(Some(record), decision))
    }

    fn verified(&self, attributed: Attributed<'_>) -> ExplainOutcome {
        let record = ExplainedRecord::of(attributed.source());
        match attributed.verify(self.now) {
            Ok(CredentialVerification::Verified(credential)) => {
                self.decided(record, self.issuers.rules().permit_credential(*credential))
            }
            Ok(CredentialVerification::NeedsKeys { issuer, .. }) => {
                let reason = format!("the token is signed by a key that its issuer {} does not publish", issuer.iss());
                let refusal = ExplainedRefusal { step: Step::Signature, rule: Rule::T1, reason, owner: None };
                let otherwise = self.explanation(Some(record), ExplainedDecision::Refused(refusal));
                ExplainOutcome::NeedsKeys { issuer, otherwise }
            }
            Ok(CredentialVerification::NeedsBundle { needs: NeedsBundle { record: trust_domain, why }, .. }) => {
                let (rule, reason) = match why {
                    Some(why) => (Rule::J3, format!("the trust domain {}: {why}", trust_domain.name())),
                    None => (Rule::J4, format!("the bundle of {} does not hold the token's key", trust_domain.name())),
                };
                let refusal = ExplainedRefusal { step: Step::Signature, rule, reason, owner: None };
                let otherwise = self.explanation(Some(record), ExplainedDecision::Refused(refusal));
                ExplainOutcome::NeedsBundle { record: trust_domain, otherwise }
            }
            Err(error) => self.refused(Some(record), of_credential(&error)),
        }
    }
}

fn of_credential(error: &CredentialError) -> ExplainedRefusal {
    let rule = match error {
        CredentialError::JwtSvid(error) => return of_jwt_svid(error),
        CredentialError::Token(error) => return of_token(error),
        // Only tokens are explained, so neither of these occurs.
        CredentialError::WitSvid(error) => error.rule(),
        CredentialError::X509Svid(error) => error.rule(),
    };
    ExplainedRefusal { step: Step::Signature, rule, reason: error.to_string(), owner: None }
}

fn of_jwt_svid(error: &JwtSvidError) -> ExplainedRefusal {
    let step = match error {
        JwtSvidError::Token(error) => return of_token(error),
        JwtSvidError::Header(_) => Step::Parse,
        JwtSvidError::TrustDomain(_) | JwtSvidError::Issuer { .. } => Step::Issuer,
        JwtSvidError::Name(_) => Step::Subject,
        JwtSvidError::BundleEmpty(_) | JwtSvidError::NoKeyFits { .. } => Step::Signature,
    };
    ExplainedRefusal { step, rule: error.rule(), reason: error.to_string(), owner: None }
}

fn of_token(error: &TokenError) -> ExplainedRefusal {
    let step = match error {
        TokenError::Jose(error) => step_of_form(error),
        TokenError::IssuerMismatch(_) | TokenError::IssuerUnknown(_) | TokenError::TrustDomainUnknown(_) => {
            Step::Issuer
        }
        TokenError::AlgorithmNotAllowed { .. } => Step::Algorithm,
        TokenError::Audience { .. } => Step::Audience,
        TokenError::Expired { .. } | TokenError::Lifetime { .. } | TokenError::NotYet { .. } => Step::Times,
    };
    ExplainedRefusal { step, rule: error.rule(), reason: error.to_string(), owner: None }
}

fn step_of_form(error: &JoseError) -> Step {
    match error {
        JoseError::AlgorithmUnknown(_)
        | JoseError::Base64(TokenPart::Claims | TokenPart::Header)
        | JoseError::Critical
        | JoseError::HeaderType(_)
        | JoseError::Json { .. }
        | JoseError::Segments
        | JoseError::TooLong { .. }
        | JoseError::Type(_) => Step::Parse,
        JoseError::Base64(TokenPart::Signature)
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

fn of_denied(denied: &Denied) -> ExplainedRefusal {
    let owner = match denied {
        Denied::OwnedByAnother { owner, .. } => Some(owner.to_string()),
        _ => None,
    };
    ExplainedRefusal { step: step_of_denied(denied), rule: denied.rule(), reason: denied.to_string(), owner }
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
