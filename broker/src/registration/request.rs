//! The request of a registrant, signed by the key that the domain names in its record.
//!
//! A compact JWS (RFC 7515) whose header carries the public key as `jwk`, as an ACME account's first request does (RFC
//! 8555 §6.2). The record of the domain names that key, so a record that was copied or read by others is of no use to
//! them.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use shared::digest::sha256;
use shared::strict_json::{Json, JsonError, Object, parse_object};
use shared::time::UnixTime;

use super::account::AccountKey;
use super::excerpt::excerpt;
use super::{Account, Claim, InstanceName, NameKind, ProofMethod, RegistrationClaimError};
use crate::jose::{Compact, JoseAlgorithm, JoseError, SkipReason};
use crate::names::{DomainName, IssuerUrl, NameError, PublicSuffixes, Suffix};

/// The `typ` of a request, so that a request is not accepted as a token, nor a token as a request.
pub const REQUEST_TYPE: &str = "issuer-request+jwt";
/// Longest accepted request, in bytes.
pub const MAX_REQUEST_BYTES: usize = 8 * 1024;
/// How far `iat` may be from now, either way.
const FRESH: Duration = Duration::from_secs(600);

/// A request that its registrant's key signed, for this instance, just now.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RegistrationRequest {
    claim: Claim,
    sha256: [u8; 32],
    has_unknown_top_level: bool,
}

/// The instance's requirements for requests.
#[derive(Clone, Debug)]
pub struct RequestPolicy {
    /// The instance that requests must name.
    pub instance: InstanceName,
    /// Issuers on this machine may be registered. For development.
    pub danger_loopback_http: bool,
}

/// Why a request is refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RegistrationRequestError {
    /// Longer than [`MAX_REQUEST_BYTES`].
    #[error("the request has {length} bytes; at most {MAX_REQUEST_BYTES} are accepted")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// Not a compact JWS.
    #[error("the request is not a compact JWS: {0}")]
    Jws(#[from] JoseError),
    /// Header or claims are not strict JSON.
    #[error("the request's JSON is not acceptable: {0}")]
    Json(#[from] JsonError),
    /// `typ`.
    #[error("the request's typ is {0:?}, not {REQUEST_TYPE:?}")]
    Type(String),
    /// `crit` asks us to understand extensions; none is known.
    #[error("the request's header has \"crit\"")]
    Critical,
    /// `jwk`.
    #[error("the request's jwk cannot be used: {0}")]
    Key(SkipReason),
    /// `alg`.
    #[error("the request's alg {0:?} does not fit its key")]
    Algorithm(String),
    /// Not signed by its own key.
    #[error("the request's signature does not verify")]
    Signature,
    /// A claim is missing or of another form.
    #[error("the request's claim {0:?} is missing or not of the required form")]
    Member(&'static str),
    /// For another instance.
    #[error("the request is for the instance {0:?}, not for this one")]
    OtherInstance(String),
    /// Too old or from the future.
    #[error("the request was made at {at}, and it is {now} now; make a new one")]
    Stale {
        /// `iat`.
        at: u64,
        /// Now.
        now: u64,
    },
    /// Rules I1, U, H and P.
    #[error("the issuer: {0}")]
    Issuer(NameError),
    /// D1: no one owns what lies below it.
    #[error(
        "{0} is a public suffix: unrelated parties register names below it, so nobody can register an issuer for it (rule D1)"
    )]
    PublicSuffix(DomainName),
    /// Rules H, and what no proof could carry.
    #[error("{0}")]
    Claim(#[from] RegistrationClaimError),
}

impl RegistrationRequest {
    /// Reads and verifies a request.
    pub fn parse(jws: &[u8], policy: &RequestPolicy, now: UnixTime) -> Result<Self, RegistrationRequestError> {
        if jws.len() > MAX_REQUEST_BYTES {
            return Err(RegistrationRequestError::TooLong { length: jws.len() });
        }
        let compact = Compact::parse(jws)?;
        let account = verify(&compact)?;
        let claims = parse_object(&compact.decode_claims()?, MAX_REQUEST_BYTES)?;
        let text = |name| claims.get(name).and_then(Json::as_str).ok_or(RegistrationRequestError::Member(name));
        let instance = text("aud")?;
        if instance != policy.instance.as_str() {
            return Err(RegistrationRequestError::OtherInstance(excerpt(instance)));
        }
        check_fresh(&claims, now)?;
        let issuer = text("issuer")?;
        let issuer = match policy.danger_loopback_http {
            true => IssuerUrl::parse_or_loopback(issuer),
            false => IssuerUrl::parse(issuer),
        };
        let claim = Claim {
            domain: DomainName::parse(text("domain")?).map_err(RegistrationClaimError::Domain)?,
            iss: issuer.map_err(RegistrationRequestError::Issuer)?,
            kind: NameKind::parse(text("kind")?).ok_or(RegistrationRequestError::Member("kind"))?,
            subdomains: claims
                .get("subdomains")
                .and_then(Json::as_bool)
                .ok_or(RegistrationRequestError::Member("subdomains"))?,
            method: ProofMethod::parse(text("method")?).ok_or(RegistrationRequestError::Member("method"))?,
            account,
        };
        let suffix = PublicSuffixes::embedded().of(&claim.domain);
        if suffix == Suffix::Public {
            return Err(RegistrationRequestError::PublicSuffix(claim.domain));
        }
        let sha256 = sha256(jws);
        Ok(Self { claim: claim.check()?, sha256, has_unknown_top_level: suffix == Suffix::UnknownTopLevel })
    }

    /// D1: below a top-level domain that is unknown, proof alone is not enough, even if the configuration says so:
    /// only the operator of the network knows who owns it.
    pub fn needs_approval(&self) -> bool {
        self.has_unknown_top_level
    }

    /// The claim in the request.
    pub fn claim(&self) -> &Claim {
        &self.claim
    }

    /// SHA-256 of the request, for the audit log.
    pub fn sha256(&self) -> &[u8; 32] {
        &self.sha256
    }
}

fn verify(compact: &Compact) -> Result<Account, RegistrationRequestError> {
    let header = parse_object(&compact.decode_header()?, MAX_REQUEST_BYTES)?;
    let text = |name| header.get(name).and_then(Json::as_str).unwrap_or_default();
    if header.contains_key("crit") {
        return Err(RegistrationRequestError::Critical);
    }
    if text("typ") != REQUEST_TYPE {
        return Err(RegistrationRequestError::Type(excerpt(text("typ"))));
    }
    let jwk = header.get("jwk").and_then(Json::as_object).ok_or(RegistrationRequestError::Key(SkipReason::Unfit))?;
    let key = AccountKey::parse(jwk).map_err(RegistrationRequestError::Key)?;
    let verifier = JoseAlgorithm::parse(text("alg")).and_then(|algorithm| key.for_algorithm(algorithm));
    let verifier = verifier.ok_or_else(|| RegistrationRequestError::Algorithm(excerpt(text("alg"))))?;
    let signature = compact.decode_signature()?;
    verifier.verify_sig(compact.signing_input(), &signature).map_err(|_| RegistrationRequestError::Signature)?;
    Ok(key.account().clone())
}

fn check_fresh(claims: &Object, now: UnixTime) -> Result<(), RegistrationRequestError> {
    let at = claims.get("iat").and_then(Json::as_u64).ok_or(RegistrationRequestError::Member("iat"))?;
    let (early, late) = (now.minus(FRESH).seconds(), now.plus(FRESH).seconds());
    if (early..=late).contains(&at) { Ok(()) } else { Err(RegistrationRequestError::Stale { at, now: now.seconds() }) }
}

/// What a registrant signs: header and claims, encoded, with the dot between them.
pub fn signing_input(
    claim: &Claim,
    instance: &InstanceName,
    algorithm: JoseAlgorithm,
    jwk: &str,
    now: UnixTime,
) -> String {
    let header = format!(r#"{{"alg":"{algorithm}","typ":"{REQUEST_TYPE}","jwk":{jwk}}}"#);
    let claims = serde_json::json!({
        "aud": instance.as_str(),
        "iat": now.seconds(),
        "domain": claim.domain.as_str(),
        "issuer": claim.iss.as_str(),
        "kind": claim.kind.name(),
        "subdomains": claim.subdomains,
        "method": claim.method.name(),
    });
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims.to_string()))
}
