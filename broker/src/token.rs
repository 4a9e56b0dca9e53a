//! Identity tokens: from bytes that anyone may send to claims that an issuer signed.
//!
//! `UnverifiedToken` offers its `iss` and nothing else; `verify` consumes it. Strict throughout (rules T1 to T4): a
//! compact JWS (RFC 7515 §7.1) of at most 16 KiB, base64url without padding, JSON without duplicate members, an
//! algorithm that the issuer's record allows, one audience, bounded life.
//!
//! Does not: fetch keys. An unknown key is a result, [`TokenVerification::NeedsKeys`], and the edge decides what to do
//! about it.

#[cfg(test)]
pub(crate) mod mint;
mod verified;

use std::sync::Arc;
use std::time::Duration;

use shared::digest::sha256;
use shared::excerpt::excerpt;
use shared::time::UnixTime;

pub use verified::VerifiedToken;

use crate::issuer::Issuer;
use crate::jose::{Claims, Compact, Header, JoseAlgorithm, JoseError, Selection};
use crate::names::Rule;

/// How far the issuer's clock may be from ours, either way.
pub const LEEWAY: Duration = Duration::from_secs(30);

/// The longest `sub`. OpenID Connect Core §2 says 255; SPIFFE IDs in the same place may have 2048.
const MAX_SUBJECT_BYTES: usize = 2048;

/// How much of a harmless claim a refusal repeats, in characters.
pub(crate) const MAX_EXCERPT: usize = 120;

/// A well-formed token that is not verified yet.
pub struct UnverifiedToken {
    pub(crate) compact: Compact,
    pub(crate) header: Header,
    pub(crate) claims: Claims,
    issuer: Option<String>,
}

/// The result of verifying a token.
pub enum TokenVerification {
    /// The issuer signed it, for us, and it is in force.
    Verified(Box<VerifiedToken>),
    /// No key of the issuer that we hold has this `kid`, or those we hold are too old. Everything else that can be
    /// checked without a key has been. The same token may be verified again after a refresh.
    NeedsKeys(Box<UnverifiedToken>),
}

/// Why a token is refused. The token itself is never repeated.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TokenError {
    /// T1, and claims that are absent or of another form: what needs no issuer.
    #[error(transparent)]
    Jose(#[from] JoseError),
    /// T1: a good algorithm that this issuer's record does not list.
    #[error("the issuer {issuer} is not registered to sign with {algorithm}")]
    AlgorithmNotAllowed {
        /// The id of the issuer's record.
        issuer: String,
        /// What the token says.
        algorithm: JoseAlgorithm,
    },
    /// I2: no record has this `iss`, byte for byte.
    #[error("the issuer {0:?} is not registered here")]
    IssuerUnknown(String),
    /// J2: no `iss`, and the trust domain in `sub` has no record.
    #[error("the token has no iss, and the trust domain {0:?} is not registered here")]
    TrustDomainUnknown(String),
    /// T2: the record is of another issuer than the token.
    #[error("the token is of the issuer {0:?}, not of the one whose keys check it")]
    IssuerMismatch(String),
    /// T3: the audience is not exactly ours.
    #[error("the token's audience is {found:?}; it must be exactly {expected:?}")]
    Audience {
        /// The audience that the record requires.
        expected: String,
        /// What the token says.
        found: Vec<String>,
    },
    /// T4: expired.
    #[error("the token expired at {expired_at}; it is {now} now")]
    Expired {
        /// `exp`, in seconds since the epoch.
        expired_at: u64,
        /// Now.
        now: u64,
    },
    /// T4: `nbf` or `iat` lies in the future by more than the leeway.
    #[error("the token's {claim:?} is {at}, which is after now, {now}")]
    NotYet {
        /// Which claim.
        claim: &'static str,
        /// Its value, in seconds since the epoch.
        at: u64,
        /// Now.
        now: u64,
    },
    /// T4: made to live longer than the record allows.
    #[error("the token is valid for {seconds} seconds; at most {limit} are accepted from this issuer")]
    Lifetime {
        /// From `iat`, or from now, to `exp`.
        seconds: u64,
        /// What the record allows.
        limit: u64,
    },
}

impl TokenError {
    /// The rule that refused.
    pub fn rule(&self) -> Rule {
        match self {
            Self::Jose(error) => rule_of_form(error),
            Self::AlgorithmNotAllowed { .. } => Rule::T1,
            Self::IssuerUnknown(_) => Rule::I2,
            Self::TrustDomainUnknown(_) => Rule::J2,
            Self::IssuerMismatch(_) => Rule::T2,
            Self::Audience { .. } => Rule::T3,
            Self::Expired { .. } | Self::NotYet { .. } | Self::Lifetime { .. } => Rule::T4,
        }
    }
}

/// Each claim is read by the rule that needs it.
fn rule_of_form(error: &JoseError) -> Rule {
    match error {
        JoseError::TooLong { .. }
        | JoseError::Segments
        | JoseError::Base64(_)
        | JoseError::Json { .. }
        | JoseError::AlgorithmUnknown(_)
        | JoseError::HeaderType(_)
        | JoseError::Critical
        | JoseError::Type(_)
        | JoseError::KeyUnsuitable(_)
        | JoseError::KeyAmbiguous { .. }
        | JoseError::Signature => Rule::T1,
        JoseError::ClaimMissing(claim) | JoseError::ClaimForm(claim) => match *claim {
            "sub" => Rule::T1,
            "iss" => Rule::T2,
            "aud" => Rule::T3,
            _ => Rule::T4,
        },
    }
}

impl UnverifiedToken {
    /// Reads a compact JWS whose header is acceptable and whose claims are an object with an `iss`, or with a `sub`
    /// that looks like a SPIFFE ID: JWT-SVID §3 asks for no `iss`, since the trust domain in `sub` says whose keys to
    /// take.
    pub fn parse(text: &[u8]) -> Result<Self, TokenError> {
        let compact = Compact::parse(text)?;
        let header = Header::parse(&compact.decode_header()?)?;
        let claims = Claims::parse(&compact.decode_claims()?)?;
        let names_workload = claims.string("sub").is_some_and(|sub| sub.starts_with("spiffe://"));
        let issuer = match claims.get("iss") {
            None if names_workload => None,
            _ => Some(claims.required_string("iss")?.to_owned()),
        };
        Ok(Self { compact, header, claims, issuer })
    }

    /// The `iss` that the token claims, for finding the record and for nothing else.
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// The trust domain in the SPIFFE ID that the token claims to be of, for finding the record and for nothing else.
    pub(crate) fn trust_domain(&self) -> Option<&str> {
        let rest = self.claims.string("sub")?.strip_prefix("spiffe://")?;
        Some(rest.split_once('/').map_or(rest, |(trust_domain, _)| trust_domain))
    }

    /// The audiences that the token claims, only for distinguishing two records of one `iss`.
    pub(crate) fn audiences(&self) -> Result<Vec<&str>, TokenError> {
        Ok(self.claims.audiences()?)
    }

    /// Verifies the token with the issuer's keys: signature, audience and times, at `now`. What costs least is checked
    /// first, so a stale token costs neither a signature check nor a fetch of keys.
    pub fn verify(self, issuer: &Arc<Issuer>, now: UnixTime) -> Result<TokenVerification, TokenError> {
        if self.issuer() != Some(issuer.iss().as_str()) {
            return Err(TokenError::IssuerMismatch(excerpt(self.issuer().unwrap_or_default(), MAX_EXCERPT)));
        }
        let algorithm = self.header.algorithm;
        if !issuer.allows(algorithm) {
            return Err(TokenError::AlgorithmNotAllowed { issuer: issuer.iss().to_string(), algorithm });
        }
        self.check_audience(issuer)?;
        let expires_at = self.check_times(issuer.max_lifetime(), now)?;
        let subject = self.check_subject()?;
        let keys = issuer.keys();
        let key = match keys.select(self.header.kid.as_deref(), algorithm, now) {
            Selection::Key(key) => key,
            Selection::Unknown => return Ok(TokenVerification::NeedsKeys(Box::new(self))),
            Selection::Unsuitable => return Err(JoseError::KeyUnsuitable(algorithm).into()),
            Selection::Ambiguous(count) => return Err(JoseError::KeyAmbiguous { algorithm, count }.into()),
        };
        let signature = self.compact.decode_signature()?;
        key.verify_sig(self.compact.signing_input(), &signature).map_err(|_| JoseError::Signature)?;
        let sha256 = sha256(self.compact.bytes());
        Ok(TokenVerification::Verified(Box::new(VerifiedToken::new(
            Arc::clone(issuer),
            self.claims,
            subject,
            expires_at,
            sha256,
        ))))
    }

    /// T3. A token with a second audience can be presented by that audience too, so there must be only ours, unless the
    /// record says otherwise.
    fn check_audience(&self, issuer: &Issuer) -> Result<(), TokenError> {
        let found = self.claims.audiences()?;
        let expected = issuer.audience().as_str();
        let is_ours = match *found {
            [only] => only == expected,
            _ => issuer.allows_more_audiences() && found.contains(&expected),
        };
        if is_ours {
            return Ok(());
        }
        let found = found.iter().take(4).map(|audience| excerpt(audience, MAX_EXCERPT)).collect();
        Err(TokenError::Audience { expected: expected.to_owned(), found })
    }

    /// T4. Answers when the token ends.
    pub(crate) fn check_times(&self, max_lifetime: Duration, now: UnixTime) -> Result<UnixTime, TokenError> {
        let leeway = LEEWAY.as_secs();
        let now = now.seconds();
        let expires_at = self.claims.numeric_date("exp")?.ok_or(JoseError::ClaimMissing("exp"))?;
        if expires_at.saturating_add(leeway) <= now {
            return Err(TokenError::Expired { expired_at: expires_at, now });
        }
        let issued_at = self.claims.numeric_date("iat")?;
        for (claim, at) in [("nbf", self.claims.numeric_date("nbf")?), ("iat", issued_at)] {
            if let Some(at) = at.filter(|&at| at > now.saturating_add(leeway)) {
                return Err(TokenError::NotYet { claim, at, now });
            }
        }
        let seconds = expires_at.saturating_sub(issued_at.unwrap_or(now));
        let limit = max_lifetime.as_secs();
        if seconds > limit {
            return Err(TokenError::Lifetime { seconds, limit });
        }
        Ok(UnixTime::from_seconds(expires_at))
    }

    /// The subject goes into certificates and logs, so control characters are refused with the rest.
    pub(crate) fn check_subject(&self) -> Result<String, TokenError> {
        let subject = self.claims.required_string("sub")?;
        if subject.len() > MAX_SUBJECT_BYTES || subject.chars().any(char::is_control) {
            return Err(JoseError::ClaimForm("sub").into());
        }
        Ok(subject.to_owned())
    }
}

#[cfg(test)]
mod tests;
