//! An upstream OpenID provider, with us as its relying party (OpenID Connect Core §3.1).
//!
//! The `openidconnect` crate builds the requests and verifies the ID token; what it leaves to its user is done here:
//! the binding to the browser (`provider::flow`), `azp`, `iat`, the age of the login, RFC 9207's `iss`. It has no HTTP
//! client of its own: `connector` hands one in that reaches only the hosts which a record names.

use broker::connector::ConnectorId;
use broker::provider::{AuthorizeRequest, Parameters, UpstreamState};
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreClaimName, CoreClaimType, CoreClient,
    CoreClientAuthMethod, CoreGrantType, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm, CoreResponseMode, CoreResponseType, CoreSubjectIdentifierType, CoreTokenResponse,
};
use openidconnect::{
    AdditionalProviderMetadata, AsyncHttpClient, AuthType, AuthorizationCode, ClientId, ClientSecret, CsrfToken,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, IssuerUrl, Nonce, PkceCodeChallenge, PkceCodeVerifier,
    ProviderMetadata, RedirectUrl, Scope,
};
use serde::{Deserialize, Serialize};
use shared::random::Random;
use shared::secret::Secret;

use crate::outbound::upstream::error::UpstreamError;
use crate::outbound::upstream::parts::UpstreamParts;

/// An upstream provider.
pub(super) struct OidcConnector {
    pub(super) id: ConnectorId,
    name: String,
    issuer: IssuerUrl,
    pub(super) client_id: ClientId,
    client_secret: Option<Secret<String>>,
    redirect: RedirectUrl,
    pub(super) trusts_unverified_email: bool,
}

/// Why a connector cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum OidcConnectorError {
    /// The issuer is not a URL.
    #[error("the issuer '{0}' is not a URL")]
    Issuer(String),
    /// The origin is not a URL.
    #[error("the origin '{0}' is not a URL")]
    Origin(String),
    /// `local` is the instance's own.
    #[error("the id 'local' is reserved for the local users; choose another")]
    Reserved,
}

/// Whether the upstream puts `iss` into its answers, as its discovery document says (RFC 9207 §3).
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct IssParameter {
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for IssParameter {}

pub(super) type Metadata = ProviderMetadata<
    IssParameter,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

pub(super) type RelyingParty =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

/// What an upstream says about itself: its discovery document and its keys. Cached by [`super::UpstreamConnector`],
/// and fetched again when they are old or a key is unknown.
#[derive(Clone, Debug)]
pub(super) struct Upstream(pub(super) Metadata);

/// The tokens that an upstream gave for a code, not looked at yet.
pub(super) struct UpstreamTokens(pub(super) CoreTokenResponse);

impl OidcConnector {
    /// Puts a connector together. It speaks to nobody yet.
    pub(super) fn new(parts: UpstreamParts) -> Result<Self, OidcConnectorError> {
        if parts.id == ConnectorId::local() {
            return Err(OidcConnectorError::Reserved);
        }
        let issuer = IssuerUrl::new(parts.issuer.clone()).map_err(|_| OidcConnectorError::Issuer(parts.issuer))?;
        // A redirect URI for each connector keeps the answers of several upstreams apart (RFC 9700 §4.4.2).
        let redirect = RedirectUrl::new(format!("{}/oidc/callback/{}", parts.origin, parts.id))
            .map_err(|_| OidcConnectorError::Origin(parts.origin))?;
        Ok(Self {
            id: parts.id,
            name: parts.name,
            issuer,
            client_id: ClientId::new(parts.client_id),
            client_secret: parts.client_secret,
            redirect,
            trusts_unverified_email: parts.trusts_unverified_email,
        })
    }

    /// Its name in URLs and tokens.
    pub(super) fn id(&self) -> &ConnectorId {
        &self.id
    }

    /// What the login page calls it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Fetches the discovery document, whose `issuer` must be ours byte for byte, and the keys.
    pub(super) async fn discover<C>(&self, http: &C) -> Result<Upstream, UpstreamError>
    where
        for<'c> C: AsyncHttpClient<'c>,
    {
        let found = Metadata::discover_async(self.issuer.clone(), http).await;
        found.map(Upstream).map_err(|error| UpstreamError::Discovery(chain(&error)))
    }

    pub(super) fn relying_party(&self, upstream: &Upstream) -> RelyingParty {
        let secret = self.client_secret.as_ref().map(|secret| ClientSecret::new(secret.expose().clone()));
        let methods = upstream.0.token_endpoint_auth_methods_supported();
        // Basic is the default of OpenID Connect Core §9, for who names no method too.
        let takes_basic = methods.is_none_or(|methods| methods.contains(&CoreClientAuthMethod::ClientSecretBasic));
        let auth = if takes_basic { AuthType::BasicAuth } else { AuthType::RequestBody };
        CoreClient::from_provider_metadata(upstream.0.clone(), self.client_id.clone(), secret)
            .set_redirect_uri(self.redirect.clone())
            .set_auth_type(auth)
    }

    /// Where to send the browser, and what to expect back. `state` comes from `Provider::upstream_state`.
    pub(super) fn start(
        &self,
        upstream: &Upstream,
        request: &AuthorizeRequest,
        state: String,
        random: &dyn Random,
    ) -> Result<(String, UpstreamState), UpstreamError> {
        let verifier = PkceCodeVerifier::new(hex::encode(random.bytes::<32>()));
        let nonce = hex::encode(random.bytes::<16>());
        let party = self.relying_party(upstream);
        let mut url = party
            .authorize_url(
                CoreAuthenticationFlow::AuthorizationCode,
                move || CsrfToken::new(state),
                move || Nonce::new(nonce),
            )
            .add_scope(Scope::new("email".to_owned()))
            .add_scope(Scope::new("profile".to_owned()))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier));
        if request.forces_login() {
            url = url.add_prompt(CoreAuthPrompt::Login);
        }
        if let Some(seconds) = request.max_age() {
            url = url.set_max_age(std::time::Duration::from_secs(seconds));
        }
        if let Some(hint) = request.login_hint() {
            url = url.add_extra_param("login_hint", hint.to_owned());
        }
        let (url, state, nonce) = url.url();
        let is_here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        if url.scheme() != "https" && !(url.scheme() == "http" && is_here) {
            return Err(UpstreamError::Scheme);
        }
        let verifier = verifier.secret().clone();
        let (state, nonce) = (state.into_secret(), nonce.secret().clone());
        Ok((url.into(), UpstreamState { connector: self.id.clone(), state, nonce, verifier }))
    }

    /// The code in the upstream's answer. That the answer belongs to this browser is checked before, by
    /// `OpenFlow::check_callback`.
    pub(super) fn read_answer(
        &self,
        upstream: &Upstream,
        answer: &Parameters,
    ) -> Result<Secret<String>, UpstreamError> {
        answer.check_unique()?;
        match answer.value("iss") {
            Some(iss) if iss != self.issuer.as_str() => return Err(UpstreamError::IssMismatch),
            None if upstream.0.additional_metadata().authorization_response_iss_parameter_supported => {
                return Err(UpstreamError::IssMissing);
            }
            Some(_) | None => {}
        }
        match answer.value("error") {
            Some("access_denied") => return Err(UpstreamError::Refused),
            Some(error) => return Err(UpstreamError::Error(error.chars().take(100).collect())),
            None => {}
        }
        let code = answer.value("code").ok_or(UpstreamError::CodeMissing)?;
        Ok(Secret::new(code.to_owned()))
    }

    /// Exchanges the code.
    pub(super) async fn exchange<C>(
        &self,
        upstream: &Upstream,
        code: &Secret<String>,
        sent: &UpstreamState,
        http: &C,
    ) -> Result<UpstreamTokens, UpstreamError>
    where
        for<'c> C: AsyncHttpClient<'c>,
    {
        let party = self.relying_party(upstream);
        let request = party
            .exchange_code(AuthorizationCode::new(code.expose().clone()))
            .map_err(|error| UpstreamError::Exchange(chain(&error)))?
            .set_pkce_verifier(PkceCodeVerifier::new(sent.verifier.clone()));
        let tokens = request.request_async(http).await.map_err(|error| UpstreamError::Exchange(chain(&error)))?;
        Ok(UpstreamTokens(tokens))
    }
}

/// An error with all its causes, as one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
