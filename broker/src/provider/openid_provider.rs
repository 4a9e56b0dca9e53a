//! The provider itself: its issuer, clients, keys and store. The flows beside this file are its methods.

use std::sync::Arc;

use shared::keys::{KeyFile, SealingKey, Signer};
use shared::store::Store;

use super::client::Clients;
use super::lifetimes::Lifetimes;
use super::token_key::{TokenKey, TokenKeyError};
use crate::connector::ConnectorId;

/// This instance's own OpenID provider.
pub struct Provider {
    pub(super) issuer: String,
    pub(super) clients: Clients,
    pub(super) token_key: TokenKey,
    pub(super) flow_key: SealingKey,
    pub(super) access_key: SealingKey,
    pub(super) store: Arc<dyn Store>,
    pub(super) lifetimes: Lifetimes,
    pub(super) connectors: Vec<ConnectorId>,
}

/// The parts of a [`Provider`].
pub struct ProviderParts {
    /// `https://host[:port]`, without a slash at its end.
    pub origin: String,
    /// The relying parties.
    pub clients: Clients,
    /// The token key, RS256 by default.
    pub signer: Arc<dyn Signer>,
    /// The instance's key file, from which the sealing keys are derived.
    pub sealing: ProviderSealing,
    /// Where codes, sessions and users live.
    pub store: Arc<dyn Store>,
    /// The configured lifetimes.
    pub lifetimes: Lifetimes,
    /// The connectors that people can log in with, in the order in which the page offers them.
    pub connectors: Vec<ConnectorId>,
}

/// The provider's sealing keys, one a purpose.
pub struct ProviderSealing {
    flow: SealingKey,
    access: SealingKey,
}

impl ProviderSealing {
    /// Derives them from the instance's key file.
    pub fn derive(key_file: &KeyFile) -> Self {
        Self {
            flow: SealingKey::derive(key_file, "provider login flow v1"),
            access: SealingKey::derive(key_file, "provider access token v1"),
        }
    }
}

impl Provider {
    /// Puts the provider together.
    pub fn new(parts: ProviderParts) -> Result<Self, TokenKeyError> {
        Ok(Self {
            issuer: format!("{}/oidc", parts.origin),
            clients: parts.clients,
            token_key: TokenKey::new(parts.signer)?,
            flow_key: parts.sealing.flow,
            access_key: parts.sealing.access,
            store: parts.store,
            lifetimes: parts.lifetimes,
            connectors: parts.connectors,
        })
    }

    /// Our `iss`.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The key that signs our tokens. Its JWKS is what `/oidc/keys` serves and what the authority verifies our tokens
    /// with.
    pub fn token_key(&self) -> &TokenKey {
        &self.token_key
    }

    /// The configured lifetimes.
    pub fn lifetimes(&self) -> Lifetimes {
        self.lifetimes
    }
}
