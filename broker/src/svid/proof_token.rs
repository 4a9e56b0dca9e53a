//! Workload Proof Tokens (draft-ietf-wimse-wpt): a WIT's holder proves possession of its key, to one recipient, for a
//! short time.
//!
//! The target is our own address, from the configuration: what a client writes into `Host` or a proxy into its headers
//! chooses nothing here. That a proof is used once is for the edge, which has a memory.

use std::time::Duration;

use aws_lc_rs::signature::ParsedPublicKey;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use shared::excerpt::excerpt;
use shared::time::UnixTime;

use crate::jose::{Claims, Compact, Header, JoseAlgorithm, JoseError};
use crate::names::Rule;
use crate::token::{LEEWAY, MAX_EXCERPT, TokenError};

/// How far ahead a proof may end: the draft has it in minutes or seconds.
pub const MAX_PROOF_LIFETIME: Duration = Duration::from_secs(300);

/// The longest `jti`. The draft suggests 128 random bits, which are 22 characters.
const MAX_JTI_BYTES: usize = 256;

/// A well-formed proof that is not verified yet.
pub struct UnverifiedProofToken {
    compact: Compact,
    algorithm: JoseAlgorithm,
    claims: Claims,
}

/// The key of a WIT-SVID's holder: `cnf.jwk`, and the only algorithm that it may be used with.
pub(super) struct HolderKey {
    pub(super) algorithm: JoseAlgorithm,
    pub(super) key: ParsedPublicKey,
}

/// A proof that was made for us, to be remembered until it is no longer accepted (rule W3). Its name is its maker's
/// choice, so it is unique only within one workload.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProofUse {
    /// `jti`, unique among the proofs of one SPIFFE ID.
    pub jti: String,
    /// From when on it is no longer accepted.
    pub expires_at: UnixTime,
}

/// Why a proof is refused: always by rule W2.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProofTokenError {
    /// It is no strict compact JWS of type `wpt+jwt`, or a claim is not of its form.
    #[error("the proof: {0}")]
    Token(#[from] TokenError),
    /// Made with another algorithm than the WIT-SVID says of its holder's key.
    #[error("the proof is signed with {found}; the WIT-SVID requires {expected} for its key")]
    Algorithm {
        /// What `cnf.jwk.alg` says.
        expected: JoseAlgorithm,
        /// What the proof says.
        found: JoseAlgorithm,
    },
    /// Made for something else.
    #[error("the proof is for {found:?}; it must be for exactly {expected:?}")]
    Audience {
        /// Our address.
        expected: String,
        /// What the proof says.
        found: Vec<String>,
    },
    /// Made to live too long.
    #[error("the proof is valid for {seconds} seconds from now; at most {limit} are accepted", limit = MAX_PROOF_LIFETIME.as_secs())]
    Lifetime {
        /// From now.
        seconds: u64,
    },
    /// `jti` is too long to be remembered.
    #[error("the proof's jti has {0} bytes; at most {MAX_JTI_BYTES} are accepted")]
    Jti(usize),
    /// Made for another WIT-SVID.
    #[error("the wth of the proof is not the hash of the WIT-SVID beside it")]
    OtherToken,
    /// `oth` binds tokens that are not supported here.
    #[error("the proof's oth names {0:?}, which is not supported here")]
    OtherTokens(String),
    /// Not by the holder's key.
    #[error("the proof is not signed by the key in the WIT-SVID")]
    Signature,
}

impl From<JoseError> for ProofTokenError {
    fn from(error: JoseError) -> Self {
        Self::Token(error.into())
    }
}

impl ProofTokenError {
    /// The rule that refused.
    pub fn rule(&self) -> Rule {
        Rule::W2
    }
}

impl UnverifiedProofToken {
    /// The `typ` of its header.
    pub const TYPE: &'static str = "wpt+jwt";

    /// Reads the proof: everything that is known without the WIT-SVID beside it.
    pub fn parse(text: &[u8]) -> Result<Self, ProofTokenError> {
        let compact = Compact::parse(text)?;
        let header = Header::parse_typed(&compact.decode_header()?, Self::TYPE)?;
        let claims = Claims::parse(&compact.decode_claims()?)?;
        Ok(Self { compact, algorithm: header.algorithm, claims })
    }

    /// Checks that `holder` made it, for `target`, now, and for exactly the token whose characters have this SHA-256.
    pub(super) fn verify(
        &self,
        holder: &HolderKey,
        wit_sha256: &[u8; 32],
        target: &str,
        now: UnixTime,
    ) -> Result<ProofUse, ProofTokenError> {
        if self.algorithm != holder.algorithm {
            return Err(ProofTokenError::Algorithm { expected: holder.algorithm, found: self.algorithm });
        }
        let found = self.claims.audiences()?;
        if *found != [target] {
            let found = found.iter().take(4).map(|audience| excerpt(audience, MAX_EXCERPT)).collect();
            return Err(ProofTokenError::Audience { expected: target.to_owned(), found });
        }
        let expires_at = self.check_times(now)?;
        let jti = self.claims.required_string("jti")?;
        if jti.len() > MAX_JTI_BYTES {
            return Err(ProofTokenError::Jti(jti.len()));
        }
        if self.claims.required_string("wth")? != URL_SAFE_NO_PAD.encode(wit_sha256) {
            return Err(ProofTokenError::OtherToken);
        }
        self.check_other_tokens()?;
        let signature = self.compact.decode_signature()?;
        let is_by_holder = holder.key.verify_sig(self.compact.signing_input(), &signature).is_ok();
        if !is_by_holder {
            return Err(ProofTokenError::Signature);
        }
        Ok(ProofUse { jti: jti.to_owned(), expires_at: expires_at.plus(LEEWAY) })
    }

    fn check_times(&self, now: UnixTime) -> Result<UnixTime, ProofTokenError> {
        let (now, leeway) = (now.seconds(), LEEWAY.as_secs());
        let expires_at = self.claims.numeric_date("exp")?.ok_or(JoseError::ClaimMissing("exp"))?;
        if expires_at.saturating_add(leeway) <= now {
            return Err(TokenError::Expired { expired_at: expires_at, now }.into());
        }
        for claim in ["nbf", "iat"] {
            if let Some(at) = self.claims.numeric_date(claim)?.filter(|&at| at > now.saturating_add(leeway)) {
                return Err(TokenError::NotYet { claim, at, now }.into());
            }
        }
        let seconds = expires_at.saturating_sub(now);
        if seconds > MAX_PROOF_LIFETIME.as_secs() + leeway {
            return Err(ProofTokenError::Lifetime { seconds });
        }
        Ok(UnixTime::from_seconds(expires_at))
    }

    /// The draft has a recipient refuse a proof that binds tokens which it does not understand. None is accepted here
    /// beside the WIT-SVID, so nothing is decided by a transaction token either, regardless of `tth`.
    fn check_other_tokens(&self) -> Result<(), ProofTokenError> {
        let Some(others) = self.claims.get("oth") else { return Ok(()) };
        match others.as_object().ok_or(JoseError::ClaimForm("oth"))?.keys().next() {
            None => Ok(()),
            Some(name) => Err(ProofTokenError::OtherTokens(excerpt(name, MAX_EXCERPT))),
        }
    }
}
