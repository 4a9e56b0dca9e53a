//! What somebody shows of who they are: the record that it leads to, and whether that record's keys vouch for it.
//!
//! One place decides about a credential. `signing` makes a certificate of it, the token endpoint of `provider` a token,
//! and `explain` says what would come of it.
//!
//! ```text
//! Credential ─ the record that it names ─→ Attributed ─ that record's keys ─→ VerifiedCredential
//! ```
//!
//! Does not: ask what its holder may be called. That is `namespace`, which takes a [`VerifiedCredential`].

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

/// A credential as it came. Nothing in it is known to be true.
pub enum Credential {
    /// The certificate of the connection.
    Channel(Box<UnverifiedX509Svid>),
    /// A WIT-SVID with what makes it more than a name.
    Proof(Box<WitWithProof>),
    /// A token: an issuer's, or a JWT-SVID.
    Token(Box<UnverifiedToken>),
}

/// A WIT-SVID, and a proof by the key in it.
pub struct WitWithProof {
    wit: UnverifiedWitSvid,
    proof: UnverifiedProofToken,
    /// Our own address of what was asked.
    target: String,
}

/// A credential with the record that it leads to, which says nothing yet of whether it is true.
pub enum Attributed<'a> {
    /// An SVID, and its trust domain.
    Svid(UnverifiedSvid, &'a Arc<TrustDomainRecord>),
    /// A token, and its issuer.
    Token(Box<UnverifiedToken>, &'a Arc<Issuer>),
}

/// An SVID as it came.
pub enum UnverifiedSvid {
    /// A JWT-SVID.
    Jwt(Box<UnverifiedToken>),
    /// A WIT-SVID with its proof.
    Wit(Box<WitWithProof>),
    /// An X.509-SVID of the connection.
    X509(Box<UnverifiedX509Svid>),
}

/// What comes of verifying.
pub enum CredentialVerification {
    /// The record vouches for it.
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
        /// Whose, and why.
        needs: NeedsBundle,
        /// The credential, to be verified again.
        credential: Credential,
    },
}

/// What comes of verifying an SVID.
pub enum SvidVerification {
    /// The trust domain vouches for it.
    Verified(VerifiedSvid),
    /// The bundle of the trust domain must be fetched first.
    NeedsBundle {
        /// Whose, and why.
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

    /// Reads a WIT-SVID, and a proof that whoever shows it is its holder, made for `target_url`: the address of what
    /// was asked as the configuration has it, never as the request does.
    pub fn with_proof(wit: &[u8], proof: &[u8], target_url: &str) -> Result<Self, WitSvidError> {
        let wit = UnverifiedWitSvid::parse(wit)?;
        let proof = UnverifiedProofToken::parse(proof)?;
        Ok(Self::Proof(Box::new(WitWithProof { wit, proof, target: target_url.to_owned() })))
    }

    /// Finds the record whose keys decide about it.
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

    /// Checks everything that makes it the word of the record that it leads to, to us, at `now`.
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

    /// Checks everything that makes it the record's word, to the audience that the record names, at `now`.
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
    /// Checks everything that makes it the word of `record`'s trust domain at `now`; a JWT-SVID must be for one of
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
