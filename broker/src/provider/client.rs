//! Clients of the provider: the relying parties of OpenID Connect.

use std::collections::BTreeMap;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use shared::digest::sha256;
use shared::excerpt::excerpt;
use shared::secret::Secret;

use super::redirect::{RedirectError, Redirects, check_registered};

/// The public client that every Sigstore client is by default.
pub const SIGSTORE_CLIENT: &str = "sigstore";
/// The public client that our own command line is. Its tokens, and no others, open the instance's own API; the
/// certificate authority does not take them, as the API does not take a token that was made for signing.
pub const COMMAND_LINE_CLIENT: &str = "privyseal-cli";
const MAX_CLIENT_ID: usize = 128;
const MIN_SECRET: usize = 16;
const MAX_SECRET: usize = 1024;

/// SHA-256 of a client's secret. The secret is random, so a plain hash is as good as a slow one.
#[derive(Clone)]
pub struct ClientSecretHash([u8; 32]);

impl ClientSecretHash {
    /// The hash of `secret`, which must have at least 16 bytes.
    pub fn of(secret: &Secret<String>) -> Result<Self, ClientError> {
        let length = secret.expose().len();
        if !(MIN_SECRET..=MAX_SECRET).contains(&length) {
            return Err(ClientError::Secret { length });
        }
        Ok(Self(sha256(secret.expose().as_bytes())))
    }

    fn matches(&self, secret: &str) -> bool {
        verify_slices_are_equal(&self.0, &sha256(secret.as_bytes())).is_ok()
    }
}

/// A relying party.
#[derive(Clone)]
pub struct Client {
    id: String,
    secret: Option<ClientSecretHash>,
    pub(super) redirects: Redirects,
    /// Give the ID token out as the access token as well, as Sigstore's Python client wants it.
    pub(super) access_token_is_id_token: bool,
    /// Put the claims of the scopes into the ID token too, not only into the answer of `userinfo`.
    pub(super) claims_in_id_token: bool,
}

/// Why a client cannot be registered.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ClientError {
    /// Two clients have one name.
    #[error("two clients have the id '{0}'")]
    Duplicate(String),
    /// Not 1 to 128 printable ASCII characters without a colon (which ends the name in Basic credentials).
    #[error("a client's id has 1 to {MAX_CLIENT_ID} printable ASCII characters and no colon, not '{0}'")]
    Id(String),
    /// Nowhere to send a code.
    #[error("the client '{0}' has no redirect URI")]
    NoRedirect(String),
    /// A redirect URI that may not be registered.
    #[error(transparent)]
    Redirect(#[from] RedirectError),
    /// Too short to be random, or too long to be one.
    #[error("a client secret of {length} bytes; it must have {MIN_SECRET} to {MAX_SECRET}")]
    Secret {
        /// Its length in bytes.
        length: usize,
    },
}

impl Client {
    /// The built-in `sigstore`: public, any port on the loopback interface, out of band, everything in the one token.
    fn sigstore() -> Self {
        Self {
            id: SIGSTORE_CLIENT.to_owned(),
            secret: None,
            redirects: Redirects { exact: Vec::new(), loopback: true, out_of_band: true },
            access_token_is_id_token: true,
            claims_in_id_token: true,
        }
    }

    /// The built-in `privyseal-cli`: public, any port on the loopback interface, the person's address in its ID token.
    fn command_line() -> Self {
        Self {
            id: COMMAND_LINE_CLIENT.to_owned(),
            secret: None,
            redirects: Redirects { exact: Vec::new(), loopback: true, out_of_band: false },
            access_token_is_id_token: false,
            claims_in_id_token: true,
        }
    }

    /// A client from the configuration; without a secret it is public.
    pub fn new(
        id: &str,
        secret: Option<ClientSecretHash>,
        redirect_uris: &[String],
        loopback_redirects: bool,
    ) -> Result<Self, ClientError> {
        let allowed = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b':';
        if id.is_empty() || id.len() > MAX_CLIENT_ID || !id.bytes().all(allowed) {
            return Err(ClientError::Id(excerpt(id, MAX_CLIENT_ID)));
        }
        for uri in redirect_uris {
            check_registered(uri)?;
        }
        if redirect_uris.is_empty() && !loopback_redirects {
            return Err(ClientError::NoRedirect(id.to_owned()));
        }
        Ok(Self {
            id: id.to_owned(),
            secret,
            redirects: Redirects { exact: redirect_uris.to_vec(), loopback: loopback_redirects, out_of_band: false },
            access_token_is_id_token: false,
            claims_in_id_token: false,
        })
    }

    /// The same client with the claims of the scopes in its ID tokens, as Dex gives them.
    pub fn with_claims_in_id_token(mut self, yes: bool) -> Self {
        self.claims_in_id_token = yes;
        self
    }

    /// Its name, and the audience of its tokens.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether it can keep a secret.
    pub fn is_confidential(&self) -> bool {
        self.secret.is_some()
    }

    /// Whether `presented` proves that it is this client. A public client has nothing to prove; it may send an empty
    /// secret, as Sigstore's Python client does, but not another one.
    pub(super) fn accepts_secret(&self, presented: Option<&str>) -> bool {
        match (&self.secret, presented) {
            (Some(hash), Some(secret)) => hash.matches(secret),
            (Some(_), None) => false,
            (None, Some(secret)) => secret.is_empty(),
            (None, None) => true,
        }
    }
}

/// All relying parties, `sigstore` and `privyseal-cli` always among them.
#[derive(Clone)]
pub struct Clients(BTreeMap<String, Client>);

impl Clients {
    /// The configured ones besides `sigstore` and `privyseal-cli`.
    pub fn new(configured: impl IntoIterator<Item = Client>) -> Result<Self, ClientError> {
        let built_in = [Client::sigstore(), Client::command_line()];
        let mut clients = BTreeMap::from(built_in.map(|client| (client.id.clone(), client)));
        for client in configured {
            let id = client.id.clone();
            if clients.insert(id.clone(), client).is_some() {
                return Err(ClientError::Duplicate(id));
            }
        }
        Ok(Self(clients))
    }

    pub(super) fn find(&self, id: &str) -> Option<&Client> {
        self.0.get(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[test]
    fn secrets_are_compared_and_public_clients_send_none() {
        let hash = ClientSecretHash::of(&secret("0123456789abcdef")).expect("long enough");
        let uris = ["https://app.example/cb".to_owned()];
        let confidential = Client::new("app", Some(hash), &uris, false).expect("registers");
        assert!(confidential.accepts_secret(Some("0123456789abcdef")));
        for wrong in [None, Some(""), Some("0123456789abcdeF"), Some("0123456789abcdef ")] {
            assert!(!confidential.accepts_secret(wrong), "{wrong:?}");
        }
        let public = Client::sigstore();
        assert!(public.accepts_secret(None) && public.accepts_secret(Some("")));
        assert!(!public.accepts_secret(Some("x")));
    }

    #[test]
    fn bad_registrations_are_refused() {
        let uris = ["https://app.example/cb".to_owned()];
        assert!(matches!(ClientSecretHash::of(&secret("short")), Err(ClientError::Secret { length: 5 })));
        assert!(matches!(Client::new("a:b", None, &uris, false), Err(ClientError::Id(_))));
        assert!(matches!(Client::new("", None, &uris, false), Err(ClientError::Id(_))));
        assert!(matches!(Client::new("a", None, &[], false), Err(ClientError::NoRedirect(_))));
        let plain = ["http://app.example/cb".to_owned()];
        assert!(matches!(Client::new("a", None, &plain, false), Err(ClientError::Redirect(_))));
        let twice = Client::new(SIGSTORE_CLIENT, None, &uris, false).expect("registers");
        assert!(matches!(Clients::new([twice]), Err(ClientError::Duplicate(_))));
    }
}
