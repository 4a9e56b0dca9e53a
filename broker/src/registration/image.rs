//! A registration as the store and the audit log keep it.

use serde::{Deserialize, Serialize};
use shared::digest::sha256;
use shared::strict_json::{self, JsonError};
use shared::time::UnixTime;

use super::excerpt::excerpt;
use super::{
    Account, AccountError, Claim, NameKind, Proof, ProofMethod, Registration, RegistrationClaimError, RegistrationId,
    RegistrationRelease, RegistrationState,
};
use crate::names::{DomainName, IssuerUrl, NameError};

/// The longest image: one value of the store.
pub const MAX_IMAGE_BYTES: usize = 4096;

/// Why an image is not a registration.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ImageError {
    /// Not the JSON of a registration.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// The domain or issuer is invalid.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The account is invalid.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// Kind, method and subdomains do not fit together.
    #[error(transparent)]
    Claim(#[from] RegistrationClaimError),
    /// An unknown value.
    #[error("{0:?} is unknown")]
    Word(String),
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Image {
    domain: String,
    issuer: String,
    kind: String,
    subdomains: bool,
    method: String,
    account: String,
    state: String,
    since_ms: u64,
    reason: String,
    requested_at_ms: u64,
    requested_by: String,
    needs_approval: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    was_active: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    approved_by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    proof: Option<ProofImage>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    denied_at_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    checked_at_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    last_check: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    released_by: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    released_with_issuer: bool,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ProofImage {
    seen_at_ms: u64,
    subdomains: bool,
    enforce: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<u64>,
    is_signed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alias: Option<String>,
}

impl RegistrationId {
    pub(super) fn of(claim: &Claim) -> Self {
        // None of the three holds a line feed.
        let text = format!("{}\n{}\n{}\n{}", claim.domain, claim.iss, claim.account, claim.kind);
        Self(hex::encode(&sha256(text.as_bytes())[..10]).into())
    }
}

impl Registration {
    /// Its JSON, which [`Registration::parse`] reads back.
    pub fn to_json(&self) -> String {
        let millis = |at: UnixTime| at.millis();
        let proof = self.proof.as_ref().map(|(proof, seen_at)| ProofImage {
            seen_at_ms: seen_at.millis(),
            subdomains: proof.subdomains,
            enforce: proof.enforce,
            until: proof.until.map(UnixTime::seconds),
            is_signed: proof.is_signed,
            alias: proof.alias.clone(),
        });
        let image = Image {
            domain: self.claim.domain.to_string(),
            issuer: self.claim.iss.to_string(),
            kind: self.claim.kind.name().to_owned(),
            subdomains: self.claim.subdomains,
            method: self.claim.method.name().to_owned(),
            account: self.claim.account.to_string(),
            state: self.state.name().to_owned(),
            since_ms: self.since.millis(),
            reason: self.reason.clone(),
            requested_at_ms: self.requested_at.millis(),
            requested_by: self.requested_by.clone(),
            needs_approval: self.needs_approval,
            was_active: self.was_active,
            approved_by: self.approved_by.clone(),
            proof,
            denied_at_ms: self.denied_at.map(millis),
            checked_at_ms: self.checked_at.map(millis),
            last_check: self.last_check.clone(),
            released_by: self.release.as_ref().map(|release| release.by.clone()),
            released_with_issuer: self.release.as_ref().is_some_and(|release| release.keeps_issuer),
        };
        serde_json::to_string(&image).expect("strings and numbers always encode")
    }

    /// Reads what [`Registration::to_json`] wrote. What our own disk says is parsed as strictly as what others send.
    pub fn parse(json: &[u8]) -> Result<Self, ImageError> {
        let image: Image = strict_json::from_slice(json, MAX_IMAGE_BYTES)?;
        let word = |text: &str| ImageError::Word(excerpt(text));
        let claim = Claim {
            domain: DomainName::parse(&image.domain)?,
            iss: IssuerUrl::parse_or_loopback(&image.issuer)?,
            kind: NameKind::parse(&image.kind).ok_or_else(|| word(&image.kind))?,
            subdomains: image.subdomains,
            method: ProofMethod::parse(&image.method).ok_or_else(|| word(&image.method))?,
            account: Account::parse(&image.account)?,
        };
        let claim = claim.check()?;
        let proof = image.proof.map(|proof| {
            let seen_at = UnixTime::from_millis(proof.seen_at_ms);
            let until = proof.until.map(UnixTime::from_seconds);
            let (subdomains, enforce) = (proof.subdomains, proof.enforce);
            (Proof { subdomains, enforce, until, is_signed: proof.is_signed, alias: proof.alias }, seen_at)
        });
        let keeps_issuer = image.released_with_issuer;
        Ok(Self {
            id: RegistrationId::of(&claim),
            claim,
            state: RegistrationState::parse(&image.state).ok_or_else(|| word(&image.state))?,
            since: UnixTime::from_millis(image.since_ms),
            reason: image.reason,
            requested_at: UnixTime::from_millis(image.requested_at_ms),
            requested_by: image.requested_by,
            needs_approval: image.needs_approval,
            was_active: image.was_active,
            approved_by: image.approved_by,
            proof,
            denied_at: image.denied_at_ms.map(UnixTime::from_millis),
            checked_at: image.checked_at_ms.map(UnixTime::from_millis),
            last_check: image.last_check,
            release: image.released_by.map(|by| RegistrationRelease { by, keeps_issuer }),
        })
    }
}
