//! Credentials: which record a presented token or SVID leads to, and whether it verifies with that record's keys.
//!
//! One place decides about a credential. `signing` makes a certificate of it, the token endpoint of `provider` a token,
//! and `explain` says whether it would be accepted.
//!
//! ```text
//! Credential ─ the record that it names ─→ Attributed ─ that record's keys ─→ VerifiedCredential
//! ```
//!
//! Does not: decide which name its holder may have. That is `namespace`, which takes a [`VerifiedCredential`].

use std::sync::Arc;

use shared::time::UnixTime;

use crate::issuer::Issuer;
use crate::namespace::VerifiedCredential;
use crate::registry::{Issuers, RecordSource};
use crate::svid::{
    JwtSvidError, JwtSvidVerification, NeedsBundle, Purpose, UnverifiedProofToken, UnverifiedWitSvid,
    UnverifiedX509Svid, VerifiedSvid, WitSvidError, WitVerification, X509SvidError, X509Verification,
};
use crate::token::{TokenError, TokenVerification, UnverifiedToken};
use crate::trust_domain::TrustDomainRecord;

/// A credential as received. Nothing in it is verified.
pub enum Credential {
    /// The certificate of the connection.
    Channel(Box<UnverifiedX509Svid>),
    /// A WIT-SVID with its proof of possession.
    Proof(Box<WitWithProof>),
    /// A token: an issuer's, or a JWT-SVID.
    Token(Box<UnverifiedToken>),
}

/// A WIT-SVID, and a proof by the key in it.
pub struct WitWithProof {
    wit: UnverifiedWitSvid,
    proof: UnverifiedProofToken,
    /// The URL of the requested resource, as the configuration has it.
    target: String,
}

/// A credential with the record that it leads to, not verified yet.
pub enum Attributed<'a> {
    /// An SVID, and its trust domain.
    Svid(UnverifiedSvid, &'a Arc<TrustDomainRecord>),
    /// A token, and its issuer.
    Token(Box<UnverifiedToken>, &'a Arc<Issuer>),
}

/// An SVID as received.
pub enum UnverifiedSvid {
    /// A JWT-SVID.
    Jwt(Box<UnverifiedToken>),
    /// A WIT-SVID with its proof.
    Wit(Box<WitWithProof>),
    /// An X.509-SVID of the connection.
    X509(Box<UnverifiedX509Svid>),
}

/// The result of verifying a credential.
pub enum CredentialVerification {
    /// It verifies with the record's keys.
    Verified(Box<VerifiedCredential>),
    /// The issuer's keys must be fetched first. The edge does that once, and asks again.
    NeedsKeys {
        /// The issuer whose keys are needed.
        issuer: Arc<Issuer>,
        /// The credential, to be verified again.
        credential: Credential,
    },
    /// The bundle of the trust domain must be fetched first, in the same way.
    NeedsBundle {
        /// The trust domain whose bundle is needed, and why.
        needs: NeedsBundle,
        /// The credential, to be verified again.
        credential: Credential,
    },
}

/// The result of verifying an SVID.
pub enum SvidVerification {
    /// It verifies with the trust domain's bundle.
    Verified(VerifiedSvid),
    /// The bundle of the trust domain must be fetched first.
    NeedsBundle {
        /// The trust domain whose bundle is needed, and why.
        needs: NeedsBundle,
        /// The SVID, to be verified again.
        svid: UnverifiedSvid,
    },
}

/// Why a credential is refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CredentialError {
    /// The JWT-SVID.
    #[error(transparent)]
    JwtSvid(#[from] JwtSvidError),
    /// The token, or it leads nowhere.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The WIT-SVID, or the proof that came with it.
    #[error(transparent)]
    WitSvid(#[from] WitSvidError),
    /// The X.509-SVID of the connection.
    #[error(transparent)]
    X509Svid(#[from] X509SvidError),
}

impl Credential {
    /// Reads a token.
    pub fn token(token: &[u8]) -> Result<Self, TokenError> {
        Ok(Self::Token(Box::new(UnverifiedToken::parse(token)?)))
    }

    /// Reads a WIT-SVID and its holder's proof for `target_url`: the URL of the requested resource as the
    /// configuration has it, never as the request does.
    pub fn with_proof(wit: &[u8], proof: &[u8], target_url: &str) -> Result<Self, WitSvidError> {
        let wit = UnverifiedWitSvid::parse(wit)?;
        let proof = UnverifiedProofToken::parse(proof)?;
        Ok(Self::Proof(Box::new(WitWithProof { wit, proof, target: target_url.to_owned() })))
    }

    /// Finds the record whose keys verify it.
    pub fn attribute(self, issuers: &Issuers) -> Result<Attributed<'_>, CredentialError> {
        let find = |name: &str| issuers.trust_domains().find(name);
        match self {
            Self::Channel(svid) => {
                let trust_domain = svid.id().trust_domain();
                let record = find(trust_domain.as_str());
                let record = record.ok_or_else(|| X509SvidError::TrustDomain(trust_domain.to_string()))?;
                Ok(Attributed::Svid(UnverifiedSvid::X509(svid), record))
            }
            Self::Proof(proven) => {
                let trust_domain = proven.wit.id().trust_domain();
                let record = find(trust_domain.as_str());
                let record = record.ok_or_else(|| WitSvidError::TrustDomain(trust_domain.to_string()))?;
                Ok(Attributed::Svid(UnverifiedSvid::Wit(proven), record))
            }
            Self::Token(token) => Ok(match issuers.source(&token)? {
                RecordSource::Issuer(issuer) => Attributed::Token(token, issuer),
                RecordSource::TrustDomain(record) => Attributed::Svid(UnverifiedSvid::Jwt(token), record),
            }),
        }
    }

    /// Verifies it with the record that it leads to: signature, audience and times, at `now`.
    pub fn verify(self, issuers: &Issuers, now: UnixTime) -> Result<CredentialVerification, CredentialError> {
        self.attribute(issuers)?.verify(now)
    }
}

impl<'a> Attributed<'a> {
    /// The record that the credential was attributed to.
    pub fn source(&self) -> RecordSource<'a> {
        match self {
            Self::Svid(_, record) => RecordSource::TrustDomain(record),
            Self::Token(_, issuer) => RecordSource::Issuer(issuer),
        }
    }

    /// Verifies it with the record's keys, for the audience that the record names, at `now`.
    pub fn verify(self, now: UnixTime) -> Result<CredentialVerification, CredentialError> {
        Ok(match self {
            Self::Svid(svid, record) => match svid.verify(record, &[record.audience().as_str()], now)? {
                SvidVerification::Verified(svid) => CredentialVerification::verified(VerifiedCredential::Svid(svid)),
                SvidVerification::NeedsBundle { needs, svid } => {
                    CredentialVerification::NeedsBundle { needs, credential: svid.into() }
                }
            },
            Self::Token(token, issuer) => match token.verify(issuer, now)? {
                TokenVerification::Verified(token) => {
                    CredentialVerification::verified(VerifiedCredential::Token(*token))
                }
                TokenVerification::NeedsKeys(token) => CredentialVerification::NeedsKeys {
                    issuer: Arc::clone(issuer),
                    credential: Credential::Token(token),
                },
            },
        })
    }
}

impl UnverifiedSvid {
    /// Verifies it with the bundle of `record`'s trust domain at `now`; a JWT-SVID must be for one of
    /// `audiences`.
    pub fn verify(
        self,
        record: &Arc<TrustDomainRecord>,
        audiences: &[&str],
        now: UnixTime,
    ) -> Result<SvidVerification, CredentialError> {
        Ok(match self {
            Self::Jwt(token) => match token.verify_svid(record, audiences, now)? {
                JwtSvidVerification::Verified(svid) => SvidVerification::Verified(svid),
                JwtSvidVerification::NeedsBundle { needs, token } => {
                    SvidVerification::NeedsBundle { needs, svid: Self::Jwt(token) }
                }
            },
            Self::Wit(proven) => match proven.wit.verify(&proven.proof, &proven.target, record, now)? {
                WitVerification::Verified(svid) => SvidVerification::Verified(svid),
                WitVerification::NeedsBundle(needs) => SvidVerification::NeedsBundle { needs, svid: Self::Wit(proven) },
            },
            Self::X509(svid) => match svid.verify(record, Purpose::ClientAuthentication, now)? {
                X509Verification::Verified(svid) => SvidVerification::Verified(svid),
                X509Verification::NeedsBundle(needs) => SvidVerification::NeedsBundle { needs, svid: Self::X509(svid) },
            },
        })
    }
}

impl From<UnverifiedSvid> for Credential {
    fn from(svid: UnverifiedSvid) -> Self {
        match svid {
            UnverifiedSvid::Jwt(token) => Self::Token(token),
            UnverifiedSvid::Wit(proven) => Self::Proof(proven),
            UnverifiedSvid::X509(svid) => Self::Channel(svid),
        }
    }
}

impl CredentialVerification {
    fn verified(credential: VerifiedCredential) -> Self {
        Self::Verified(Box::new(credential))
    }
}
