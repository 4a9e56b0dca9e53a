//! A client of a running instance's API, for the commands with `--server`.

use broker::provider::COMMAND_LINE_CLIENT;
use serde_json::Value;
use shared::random::Random;
use shared::secret::Secret;
use shared::time::Clock;

use crate::cli::client::login::{self, Login};
use crate::cli::client::{Client, HttpAnswer, Reason};
use crate::serving::http::api::ROOT;

/// A client of one instance's API.
pub(crate) struct ApiClient {
    client: Client,
    token: Option<Secret<String>>,
}

/// Why a request to the API failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// The instance refused, with a problem document (RFC 9457).
    #[error("{title}: {detail} (rule {rule}, request {request}){problems}")]
    Refused { title: String, detail: String, rule: String, request: String, problems: String },
    /// No answer, or not one of this API.
    #[error("{0}")]
    Answer(Reason),
}

impl ApiClient {
    /// A client of the instance at `origin`. `token` is what `privyseal login` wrote, if the caller has logged in;
    /// `ca_pem` holds the authorities for TLS, in place of the system's.
    pub(crate) fn new(origin: &str, ca_pem: Option<&str>, token: Option<Secret<String>>) -> Result<Self, ApiError> {
        let client = Client::new(origin.trim_end_matches('/'), ca_pem).map_err(ApiError::Answer)?;
        Ok(Self { client, token })
    }

    /// Logs in as a local user, with the requests that a browser would make, and returns the token.
    pub(crate) async fn log_in(
        &self,
        email: &str,
        password: &Secret<String>,
        clock: &dyn Clock,
        random: &dyn Random,
    ) -> Result<Secret<String>, ApiError> {
        let provider = login::discover(&self.client).await.map_err(ApiError::Answer)?;
        let login = Login { client_id: COMMAND_LINE_CLIENT, email, password: password.expose() };
        let token = login::log_in(&self.client, &provider, &login, clock, random).await.map_err(ApiError::Answer)?;
        Ok(Secret::new(token.text))
    }

    /// Whether requests carry a token.
    pub(crate) fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// This client with `token` in place of its own.
    pub(crate) fn with_token(self, token: &str) -> Self {
        Self { token: Some(Secret::new(token.to_owned())), ..self }
    }

    /// GET `path`, which is relative to the API's root.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, ApiError> {
        let answer = self.client.get_as(&format!("{ROOT}{path}"), self.bearer()).await;
        read(answer)
    }

    /// POST JSON to `path`, which is relative to the API's root.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value, ApiError> {
        let answer = self.client.post_json(&format!("{ROOT}{path}"), body, self.bearer()).await;
        read(answer)
    }

    fn bearer(&self) -> Option<&str> {
        self.token.as_ref().map(|token| token.expose().as_str())
    }
}

fn read(answer: Result<HttpAnswer, Reason>) -> Result<Value, ApiError> {
    let answer = answer.map_err(ApiError::Answer)?;
    let value = answer.json().map_err(ApiError::Answer)?;
    if answer.status.is_success() {
        return Ok(value);
    }
    let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let problems = value["problems"].as_array().into_iter().flatten();
    let problems = problems.map(|one| format!("\n  {}: {}", show(&one["place"]), show(&one["message"]))).collect();
    Err(ApiError::Refused {
        title: text("title"),
        detail: text("detail"),
        rule: text("rule"),
        request: text("request"),
        problems,
    })
}

fn show(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
