//! Counting the uses of an SVID: rules J6, J7 and W3. The edge counts.

use shared::time::UnixTime;

use super::ProofUse;
use crate::names::Rule;
use crate::trust_domain::UsePolicy;

/// One use of an SVID, which the edge counts before a certificate or token is issued for it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SvidUse {
    /// The SPIFFE ID.
    pub id: String,
    /// Identifies the document in every form of it: not the hash of its bytes, since from an ECDSA signature anyone can
    /// make a second one that verifies.
    pub sha256: [u8; 32],
    /// From when on it is refused anyway, so it need not be remembered for longer.
    pub expires_at: UnixTime,
    /// What the record allows.
    pub policy: UsePolicy,
    /// True if anyone who holds the document can present it again.
    pub is_bearer: bool,
    /// The proof that came with a WIT-SVID: always counted once, regardless of the policy (rule W3).
    pub proof: Option<ProofUse>,
}

/// Why a valid SVID is not accepted this time.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum UseError {
    /// J6: it was used before, and its record allows one use.
    #[error("this SVID was used before; the record of its trust domain allows one use")]
    UsedBefore,
    /// W3: the proof was used before.
    #[error("this proof was used before; make one for each request (draft-ietf-wimse-wpt)")]
    ProofUsedBefore,
    /// J7: too many uses of one identity.
    #[error("{id} was used more than {per_minute} times a minute; ask again later")]
    TooOften {
        /// The SPIFFE ID.
        id: String,
        /// What its record allows.
        per_minute: u32,
    },
}

impl UseError {
    /// The rule that refused.
    pub fn rule(&self) -> Rule {
        match self {
            Self::UsedBefore => Rule::J6,
            Self::ProofUsedBefore => Rule::W3,
            Self::TooOften { .. } => Rule::J7,
        }
    }
}
