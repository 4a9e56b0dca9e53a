//! A parsed authorization request (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1).

use serde::{Deserialize, Serialize};

use super::authorize_error::RedirectRefusal;
use super::parameters::Parameters;
use super::pkce::Challenge;
use super::redirect::ReturnTo;
use super::scopes::Scopes;
use crate::connector::ConnectorId;

/// `prompt` (OpenID Connect Core §3.1.2.1).
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Prompt {
    /// Ask nothing: answer or fail.
    pub none: bool,
    /// Ask for the login, even if someone is logged in; `select_account` asks the same of us.
    pub login: bool,
    /// Ask for a confirmation.
    pub consent: bool,
}

impl Prompt {
    pub(super) fn parse(prompt: Option<&str>) -> Result<Self, RedirectRefusal> {
        let mut parsed = Self::default();
        for word in prompt.unwrap_or_default().split(' ').filter(|word| !word.is_empty()) {
            match word {
                "none" => parsed.none = true,
                "login" | "select_account" => parsed.login = true,
                "consent" => parsed.consent = true,
                _ => return Err(RedirectRefusal::Prompt),
            }
        }
        if parsed.none && (parsed.login || parsed.consent) { Err(RedirectRefusal::Prompt) } else { Ok(parsed) }
    }
}

/// A valid request with a registered redirect URI of its client.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct AuthorizeRequest {
    pub(super) client: String,
    pub(super) return_to: ReturnTo,
    pub(super) challenge: Option<Challenge>,
    pub(super) nonce: Option<String>,
    pub(super) scopes: Scopes,
    pub(super) prompt: Prompt,
    pub(super) max_age: Option<u64>,
    pub(super) connector: Option<ConnectorId>,
    pub(super) login_hint: Option<String>,
    /// The subject of `id_token_hint`, when that is a token of ours.
    pub(super) hinted_subject: Option<String>,
}

impl AuthorizeRequest {
    /// The client that requests a code.
    pub fn client(&self) -> &str {
        &self.client
    }

    /// Where the answer goes.
    pub fn return_to(&self) -> &ReturnTo {
        &self.return_to
    }

    /// The connector that the client asked for.
    pub fn connector(&self) -> Option<&ConnectorId> {
        self.connector.as_ref()
    }

    /// Whether the person must log in anew at the connector too.
    pub fn forces_login(&self) -> bool {
        self.prompt.login
    }

    /// `max_age`: the greatest age of the login, in seconds.
    pub fn max_age(&self) -> Option<u64> {
        self.max_age
    }

    /// `login_hint`: the person who the client expects to log in.
    pub fn login_hint(&self) -> Option<&str> {
        self.login_hint.as_deref()
    }
}

pub(super) fn capped(
    parameters: &Parameters,
    name: &'static str,
    cap: usize,
) -> Result<Option<String>, RedirectRefusal> {
    match parameters.value(name) {
        Some(value) if value.len() > cap => Err(RedirectRefusal::Long { name, cap }),
        value => Ok(value.map(str::to_owned)),
    }
}

pub(super) fn max_age(seconds: Option<&str>) -> Result<Option<u64>, RedirectRefusal> {
    seconds.map(|text| text.parse::<u32>().map(u64::from).map_err(|_| RedirectRefusal::MaxAge)).transpose()
}
