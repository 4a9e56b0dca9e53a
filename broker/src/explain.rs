//! Why a token would, or would not, get a certificate: the path of `signing`, told step by step, with no certificate at its end.
//!
//! The very functions that judge a signing request judge here, so an explanation cannot differ from what the authority does. No
//! key is asked for, no signing key is used, nothing is recorded, and the token is named by its SHA-256 alone.

mod extension;

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use shared::time::UnixTime;

pub use extension::extension_name;

use crate::issuer::{Issuer, Issuers, Source};
use crate::names::Rule;
use crate::namespace::{Denied, Permit};
use crate::principal::Principal;
use crate::token::{JwtSvidError, JwtSvidVerification, Part, TokenError, UnverifiedToken, Verification};
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
    /// A grant gives the name to the speaker, and to nobody else.
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
    /// Who owns the name, if that is why. For those who look after the house, not for the one who asked.
    pub owner: Option<String>,
}

/// What comes of the question.
#[derive(Debug)]
pub enum Outcome {
    /// An explanation.
    Explained(Explanation),
    /// The issuer's keys must be fetched first; then ask again. Whoever cannot fetch them has the explanation as it is without.
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
    let token = match UnverifiedToken::parse(token) {
        Ok(token) => token,
        Err(error) => return asked.refused(None, of_token(&error)),
    };
    match issuers.source(&token) {
        Ok(Source::Issuer(record)) => asked.of_issuer(token, record),
        Ok(Source::TrustDomain(record)) => asked.of_trust_domain(token, record),
        Err(error) => asked.refused(None, of_token(&error)),
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

    fn of_issuer(&self, token: UnverifiedToken, issuer: &Arc<Issuer>) -> Outcome {
        let record = Record::Issuer(Arc::clone(issuer));
        match token.verify(issuer, self.now) {
            Ok(Verification::Verified(token)) => self.decided(record, self.issuers.rules().permit(*token)),
            Ok(Verification::NeedsKeys(_)) => {
                let reason = format!("the token is signed by a key that its issuer {} does not publish", issuer.iss());
                let refusal = Refusal { step: Step::Signature, rule: Rule::T1, reason, owner: None };
                let otherwise = self.told(Some(record), Verdict::Refused(refusal));
                Outcome::NeedsKeys { issuer: Arc::clone(issuer), otherwise }
            }
            Err(error) => self.refused(Some(record), of_token(&error)),
        }
    }

    fn of_trust_domain(&self, token: UnverifiedToken, trust_domain: &Arc<TrustDomainRecord>) -> Outcome {
        let record = Record::TrustDomain(Arc::clone(trust_domain));
        match token.verify_svid(trust_domain, &[trust_domain.audience().as_str()], self.now) {
            Ok(JwtSvidVerification::Verified(svid)) => self.decided(record, self.issuers.rules().permit_svid(svid)),
            Ok(JwtSvidVerification::NeedsBundle { needs, .. }) => {
                let (rule, reason) = match needs.why {
                    Some(why) => (Rule::J3, format!("the trust domain {}: {why}", trust_domain.name())),
                    None => (Rule::J4, format!("the bundle of {} does not hold the token's key", trust_domain.name())),
                };
                let refusal = Refusal { step: Step::Signature, rule, reason, owner: None };
                let otherwise = self.told(Some(record), Verdict::Refused(refusal));
                Outcome::NeedsBundle { record: needs.record, otherwise }
            }
            Err(error) => self.refused(Some(record), of_jwt_svid(&error)),
        }
    }
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
        TokenError::AlgorithmUnknown(_)
        | TokenError::ClaimForm("iss")
        | TokenError::ClaimMissing("iss")
        | TokenError::Critical
        | TokenError::HeaderType(_)
        | TokenError::Json { .. }
        | TokenError::Segments
        | TokenError::TooLong { .. }
        | TokenError::Type(_) => Step::Parse,
        TokenError::Base64(Part::Claims | Part::Header) => Step::Parse,
        TokenError::IssuerMismatch(_) | TokenError::IssuerUnknown(_) | TokenError::TrustDomainUnknown(_) => {
            Step::Issuer
        }
        TokenError::AlgorithmNotAllowed { .. } => Step::Algorithm,
        TokenError::Audience { .. } | TokenError::ClaimForm("aud") | TokenError::ClaimMissing("aud") => Step::Audience,
        TokenError::ClaimForm("sub") | TokenError::ClaimMissing("sub") => Step::Subject,
        TokenError::ClaimForm(_)
        | TokenError::ClaimMissing(_)
        | TokenError::Expired { .. }
        | TokenError::Lifetime { .. }
        | TokenError::NotYet { .. } => Step::Times,
        TokenError::Base64(Part::Signature)
        | TokenError::KeyAmbiguous { .. }
        | TokenError::KeyUnsuitable(_)
        | TokenError::Signature => Step::Signature,
    };
    Refusal { step, rule: error.rule(), reason: error.to_string(), owner: None }
}

fn of_denied(denied: &Denied) -> Refusal {
    let owner = match denied {
        Denied::OwnedByAnother { owner, .. } => Some(owner.to_string()),
        _ => None,
    };
    Refusal { step: step_of_denied(denied), rule: denied.rule(), reason: denied.to_string(), owner }
}

/// The letter of a rule says what it is about; only what a name must look like is asked in two places, of claims and of grants.
fn step_of_denied(denied: &Denied) -> Step {
    match denied {
        Denied::Claim(_) => Step::Claim,
        Denied::ConditionDiffers { .. }
        | Denied::ConditionList(_)
        | Denied::ConditionMissing(_)
        | Denied::ConditionType(_) => Step::Match,
        Denied::ConnectorMissing | Denied::ConnectorUnknown(_) | Denied::PinDiffers(_) | Denied::PinMissing(_) => {
            Step::Pins
        }
        Denied::Expression(_) => Step::Deny,
        Denied::RecordReplaced(_) => Step::Issuer,
        Denied::NotGranted { .. } | Denied::NotListed { .. } | Denied::OwnedByAnother { .. } => Step::Grant,
    }
}

#[cfg(test)]
mod tests;
