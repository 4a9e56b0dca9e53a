//! The authorization request (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2), checked whole before anything else happens.
//!
//! The order is the protection: client, then redirect URI, and only then anything whose refusal is sent to that URI.

use std::time::Duration;

use shared::excerpt::excerpt;
use shared::random::Random;
use shared::time::UnixTime;

use super::authorize_error::{AuthorizeError, PageRefusal, RedirectRefusal};
use super::authorize_request::{AuthorizeRequest, Prompt, capped, max_age};
use super::claims::IdTokenClaims;
use super::client::Client;
use super::code;
use super::fault::ProviderFault;
use super::flow::SealedFlow;
use super::openid_provider::Provider;
use super::parameters::{ParameterError, Parameters};
use super::permitted_identity::permit;
use super::pkce::{Challenge, PkceError};
use super::redirect::{MAX_REDIRECT_URI, RedirectAnswer, ReturnTo};
use super::scopes::Scopes;
use super::session::{self, Session, SessionSecret};
use crate::connector::ConnectorId;
use crate::namespace::Rules;

const MAX_STATE: usize = 1024;
const MAX_NONCE: usize = 256;
const MAX_LOGIN_HINT: usize = 254;

/// The result of an acceptable authorization request.
#[derive(Clone, Debug)]
pub enum Authorized {
    /// The answer, at once: the person is logged in and nothing needs to be asked.
    Answer(RedirectAnswer),
    /// A person is logged in, and has to confirm.
    Confirm(Confirmation),
    /// A person has to log in, with the connector named or one of their choice.
    LogIn {
        /// For the cookie.
        flow: SealedFlow,
        /// The connector that the request or there being only one settles.
        connector: Option<ConnectorId>,
    },
}

/// What a person is asked to confirm.
#[derive(Clone, Debug)]
pub struct Confirmation {
    /// For the cookie.
    pub flow: SealedFlow,
    /// For the form.
    pub csrf: String,
    /// The client that requests a code.
    pub client: String,
    /// The person who is logged in.
    pub person: String,
    /// Where the answer goes.
    pub return_to: ReturnTo,
}

impl Provider {
    /// Checks a request and decides what to do. `session` is the browser's cookie, if it has one.
    pub fn authorize(
        &self,
        parameters: &Parameters,
        session: Option<&SessionSecret>,
        rules: &Rules,
        now: UnixTime,
        random: &dyn Random,
    ) -> Result<Authorized, AuthorizeError> {
        let (client, return_to) = self.client_and_return(parameters)?;
        let request =
            self.read_request(client, &return_to, parameters).map_err(|refusal| self.returned(&return_to, refusal))?;
        let logged_in = self.suitable_session(&request, session, rules, now)?;
        let may_answer = client.is_confidential() && !request.prompt.consent;
        match logged_in {
            Some(session) if may_answer => Ok(Authorized::Answer(self.answer(&request, &session, now, random)?)),
            Some(_) if request.prompt.none => Err(self.returned(&return_to, RedirectRefusal::InteractionRequired)),
            None if request.prompt.none => Err(self.returned(&return_to, RedirectRefusal::LoginRequired)),
            logged_in => {
                // Who confirms must be who the page names, even if someone else logs in meanwhile in another tab.
                let shown = logged_in.as_ref().map(|session| session.identity.subject());
                let request = AuthorizeRequest { hinted_subject: shown.or(request.hinted_subject), ..request };
                let connector = request.connector.clone().or_else(|| self.only_connector().cloned());
                let (flow, open) = self
                    .start_flow(request, now, random)
                    .ok_or_else(|| self.returned(&return_to, RedirectRefusal::TooLarge))?;
                let Some(session) = logged_in else { return Ok(Authorized::LogIn { flow, connector }) };
                let person = session.identity.email.clone().unwrap_or_else(|| session.identity.subject());
                let (csrf, client) = (open.csrf().to_owned(), client.id().to_owned());
                Ok(Authorized::Confirm(Confirmation { flow, csrf, client, person, return_to }))
            }
        }
    }

    /// The connector, where there is no choice.
    pub fn only_connector(&self) -> Option<&ConnectorId> {
        match self.connectors.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    fn returned(&self, return_to: &ReturnTo, refusal: RedirectRefusal) -> AuthorizeError {
        let answer = return_to.with_error(refusal.code(), &refusal.to_string(), &self.issuer);
        AuthorizeError::Returned { refusal, answer }
    }

    fn client_and_return(&self, parameters: &Parameters) -> Result<(&Client, ReturnTo), PageRefusal> {
        // Client and redirect URI must not be ambiguous; `value` gives nothing for a repeated name.
        match parameters.check_unique() {
            Err(ParameterError::Repeated(name)) if ["client_id", "redirect_uri", "state"].contains(&name.as_str()) => {
                return Err(ParameterError::Repeated(name).into());
            }
            Ok(()) | Err(_) => {}
        }
        let id = parameters.value("client_id").ok_or(PageRefusal::ClientMissing)?;
        let client = self.clients.find(id).ok_or_else(|| PageRefusal::ClientUnknown(shown(id)))?;
        let redirect_uri = parameters.value("redirect_uri").ok_or(PageRefusal::RedirectMissing)?;
        if redirect_uri.len() > MAX_REDIRECT_URI || !client.redirects.allows(redirect_uri) {
            let (client, redirect_uri) = (shown(id), shown(redirect_uri));
            return Err(PageRefusal::RedirectUnregistered { client, redirect_uri });
        }
        let state = parameters.value("state");
        if state.is_some_and(|state| state.len() > MAX_STATE || !state.bytes().all(|b| (b' '..=b'~').contains(&b))) {
            return Err(PageRefusal::State { cap: MAX_STATE });
        }
        Ok((client, ReturnTo { redirect_uri: redirect_uri.to_owned(), state: state.map(str::to_owned) }))
    }

    fn read_request(
        &self,
        client: &Client,
        return_to: &ReturnTo,
        parameters: &Parameters,
    ) -> Result<AuthorizeRequest, RedirectRefusal> {
        parameters.check_unique()?;
        match parameters.value("response_type") {
            Some("code") => {}
            None => return Err(RedirectRefusal::ResponseTypeMissing),
            Some(_) => return Err(RedirectRefusal::ResponseTypeUnsupported),
        }
        if parameters.value("response_mode").is_some_and(|mode| mode != "query") {
            return Err(RedirectRefusal::ResponseMode);
        }
        for (name, refusal) in [
            ("request", RedirectRefusal::Request),
            ("request_uri", RedirectRefusal::RequestUri),
            ("registration", RedirectRefusal::Registration),
        ] {
            if parameters.value(name).is_some() {
                return Err(refusal);
            }
        }
        let challenge =
            Challenge::parse(parameters.value("code_challenge"), parameters.value("code_challenge_method"))?;
        if challenge.is_none() && !client.is_confidential() {
            return Err(PkceError::Required.into());
        }
        Ok(AuthorizeRequest {
            client: client.id().to_owned(),
            return_to: return_to.clone(),
            challenge,
            nonce: capped(parameters, "nonce", MAX_NONCE)?,
            scopes: Scopes::parse(parameters.value("scope"))?,
            prompt: Prompt::parse(parameters.value("prompt"))?,
            max_age: max_age(parameters.value("max_age"))?,
            connector: self.wanted_connector(parameters.value("connector_id"))?,
            login_hint: capped(parameters, "login_hint", MAX_LOGIN_HINT)?,
            hinted_subject: parameters.value("id_token_hint").and_then(|hint| self.subject_of_hint(hint)),
        })
    }

    fn wanted_connector(&self, id: Option<&str>) -> Result<Option<ConnectorId>, RedirectRefusal> {
        let Some(id) = id else { return Ok(None) };
        let known = self.connectors.iter().find(|connector| connector.as_str() == id);
        known.map(|connector| Some(connector.clone())).ok_or_else(|| RedirectRefusal::ConnectorUnknown(shown(id)))
    }

    /// The subject of an `id_token_hint`: a token of ours, expired or not (OpenID Connect Core §3.1.2.1).
    fn subject_of_hint(&self, hint: &str) -> Option<String> {
        let claims: IdTokenClaims = serde_json::from_slice(&self.token_key.open(hint)?).ok()?;
        (claims.iss == self.issuer).then_some(claims.sub)
    }

    /// The browser's session, if it serves this request and the rules still permit who it is.
    pub(super) fn suitable_session(
        &self,
        request: &AuthorizeRequest,
        secret: Option<&SessionSecret>,
        rules: &Rules,
        now: UnixTime,
    ) -> Result<Option<Session>, ProviderFault> {
        let Some(secret) = secret.filter(|_| !request.prompt.login) else { return Ok(None) };
        let Some(session) = session::find(&*self.store, secret, now)? else { return Ok(None) };
        let age = now.since(UnixTime::from_seconds(session.auth_time));
        let is_recent = request.max_age.is_none_or(|seconds| age <= Duration::from_secs(seconds));
        let identity = &session.identity;
        let is_of_connector = request.connector.as_ref().is_none_or(|wanted| *wanted == identity.connector_id);
        let is_the_hinted = request.hinted_subject.as_ref().is_none_or(|hinted| *hinted == identity.subject());
        let exists = self.connectors.contains(&identity.connector_id);
        let suits = is_recent && is_of_connector && is_the_hinted && exists && permit(rules, identity).is_ok();
        Ok(suits.then_some(session))
    }

    pub(super) fn answer(
        &self,
        request: &AuthorizeRequest,
        session: &Session,
        now: UnixTime,
        random: &dyn Random,
    ) -> Result<RedirectAnswer, ProviderFault> {
        let grant = code::CodeGrant {
            client: request.client.clone(),
            redirect_uri: request.return_to.redirect_uri.clone(),
            challenge: request.challenge.clone(),
            nonce: request.nonce.clone(),
            scopes: request.scopes,
            identity: session.identity.clone(),
            auth_time: session.auth_time,
        };
        let code = code::issue(&*self.store, grant, now, random)?;
        Ok(request.return_to.with_code(&code, &self.issuer))
    }
}

/// The part of a caller's value that an error page repeats.
fn shown(value: &str) -> String {
    const MAX_SHOWN: usize = 200;
    excerpt(value, MAX_SHOWN)
}
