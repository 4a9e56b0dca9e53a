//! A token between its two steps: prepared with its audit leaf, and signed once the log has taken that leaf.

use serde::{Deserialize, Serialize};
use shared::keys::SignError;
use shared::log::{LeafHash, Receipt};

use super::openid_provider::Provider;

/// A code or an SVID was good: the token that is about to be signed, with the leaf that must be durable first.
pub struct PreparedToken {
    pub(super) signing_input: String,
    pub(super) leaf: Vec<u8>,
    pub(super) access_token: Option<String>,
    pub(super) expires_in: u64,
    pub(super) scope: String,
    pub(super) token_type: &'static str,
    pub(super) issued_token_type: Option<&'static str>,
}

/// The answer to a token request (RFC 6749 §5.1, OpenID Connect Core §3.1.3.3, RFC 8693 §2.2.1).
#[derive(Clone, Deserialize, Serialize)]
pub struct TokenResponse {
    /// For `userinfo`; for `sigstore` the ID token itself.
    pub access_token: String,
    /// What the access token is, where it was given for an SVID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_token_type: Option<String>,
    /// `Bearer`; `N_A` for a token that was exchanged.
    pub token_type: String,
    /// Seconds.
    pub expires_in: u64,
    /// The ID token.
    pub id_token: String,
    /// The granted scopes.
    pub scope: String,
}

/// Why a prepared token was not signed. Our fault.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TokenFault {
    /// The receipt is for another leaf.
    #[error("the receipt stands for another leaf")]
    Receipt,
    /// Signing failed.
    #[error(transparent)]
    Sign(#[from] SignError),
}

impl PreparedToken {
    /// The entry for the audit log.
    pub fn leaf(&self) -> &[u8] {
        &self.leaf
    }
}

impl Provider {
    /// Signs the token, now that the log has its leaf.
    pub fn sign(&self, prepared: PreparedToken, receipt: &Receipt) -> Result<TokenResponse, TokenFault> {
        if receipt.leaf_hash() != LeafHash::of(&prepared.leaf) {
            return Err(TokenFault::Receipt);
        }
        let id_token = self.token_key.sign(&prepared.signing_input)?;
        Ok(TokenResponse {
            access_token: prepared.access_token.unwrap_or_else(|| id_token.clone()),
            issued_token_type: prepared.issued_token_type.map(str::to_owned),
            token_type: prepared.token_type.to_owned(),
            expires_in: prepared.expires_in,
            id_token,
            scope: prepared.scope,
        })
    }
}
