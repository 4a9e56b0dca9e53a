//! A login as a Sigstore client and a browser perform it: code with PKCE, the page's form, the token.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::header::{COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::{Client, RequestBuilder, Response};
use shared::random::{Random, SystemRandom};

use crate::instance::{EMAIL, Instance, PASSWORD};

const REDIRECT: &str = "http://localhost:1/auth/callback";

/// The result of a login.
#[derive(Clone, Debug)]
pub(crate) struct Login {
    pub(crate) id_token: String,
    /// The browser's session.
    pub(crate) cookie: String,
}

/// `None` when the instance went away, or refused, in between.
pub(crate) async fn log_in(instance: &Instance, client: &Client) -> Option<Login> {
    log_in_as(instance, client, "sigstore").await
}

/// The same for another of the instance's built-in clients.
pub(crate) async fn log_in_as(instance: &Instance, client: &Client, client_id: &str) -> Option<Login> {
    let random: &dyn Random = &SystemRandom;
    let verifier = URL_SAFE_NO_PAD.encode(random.bytes::<32>());
    let mut browser = Browser { origin: instance.origin(), client, cookies: BTreeMap::new() };

    let page = browser.get(&authorize(instance, client_id, &verifier, &[])).await?.text().await.ok()?;
    let (flow, csrf) = (hidden(&page, "flow")?, hidden(&page, "csrf")?);
    let form = [("flow", flow.as_str()), ("csrf", &csrf), ("login", EMAIL), ("password", PASSWORD)];
    let mut answer = browser.post("/oidc/auth/local", &form).await?;
    if answer.status().is_success() {
        // A page that asks whether this client may know.
        let page = answer.text().await.ok()?;
        let action = page.split("action=\"").nth(1)?.split('"').next()?.to_owned();
        let (flow, csrf) = (hidden(&page, "flow")?, hidden(&page, "csrf")?);
        answer = browser.post(&action, &[("flow", &flow), ("csrf", &csrf)]).await?;
    }
    let code = parameter(&answer, "code")?;
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", client_id),
        ("code", &code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", &verifier),
    ];
    let tokens: serde_json::Value =
        serde_json::from_slice(&browser.post("/oidc/token", &form).await?.bytes().await.ok()?).ok()?;
    Some(Login { id_token: tokens.get("id_token")?.as_str()?.to_owned(), cookie: browser.cookie() })
}

/// Whether the instance still knows the session: asked for an answer without a page, it then wants a confirmation and
/// no login.
pub(crate) async fn is_known(instance: &Instance, client: &Client, login: &Login) -> bool {
    let url =
        authorize(instance, "sigstore", "a verifier of which only the length is looked at here", &[("prompt", "none")]);
    let answer = client.get(url).header(COOKIE, &login.cookie).send().await.unwrap();
    parameter(&answer, "error").as_deref() == Some("interaction_required")
}

fn authorize(instance: &Instance, client_id: &str, verifier: &str, more: &[(&str, &str)]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes());
    let challenge = URL_SAFE_NO_PAD.encode(digest);
    let mut url = url::Url::parse(&format!("{}/oidc/auth", instance.origin())).unwrap();
    url.query_pairs_mut()
        .extend_pairs([
            ("client_id", client_id),
            ("response_type", "code"),
            ("scope", "openid email"),
            ("redirect_uri", REDIRECT),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ])
        .extend_pairs(more);
    url.into()
}

struct Browser<'a> {
    origin: String,
    client: &'a Client,
    cookies: BTreeMap<String, String>,
}

impl Browser<'_> {
    async fn get(&mut self, url: &str) -> Option<Response> {
        self.send(self.client.get(url)).await
    }

    async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Option<Response> {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.client.post(format!("{}{path}", self.origin)).header(ORIGIN, &self.origin);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        self.send(request.header("sec-fetch-site", "same-origin").body(body)).await
    }

    /// Follows redirects, but not the one back to the client.
    async fn send(&mut self, request: RequestBuilder) -> Option<Response> {
        let mut response = self.send_once(request).await?;
        while let Some(target) = response.headers().get(LOCATION).and_then(|target| target.to_str().ok()) {
            if target.starts_with(REDIRECT) {
                break;
            }
            let target = response.url().join(target).ok()?;
            response = self.send_once(self.client.get(target)).await?;
        }
        Some(response)
    }

    async fn send_once(&mut self, request: RequestBuilder) -> Option<Response> {
        let response = request.header(COOKIE, self.cookie()).send().await.ok()?;
        for line in response.headers().get_all(SET_COOKIE).iter().filter_map(|line| line.to_str().ok()) {
            let (name, value) = line.split(';').next()?.split_once('=')?;
            match value {
                "" => self.cookies.remove(name),
                value => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        Some(response)
    }

    fn cookie(&self) -> String {
        self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }
}

/// The value of a hidden field. Ours need no unescaping.
fn hidden(page: &str, name: &str) -> Option<String> {
    page.split(&format!("name=\"{name}\" value=\"")).nth(1)?.split('"').next().map(str::to_owned)
}

/// A parameter of the redirect back to the client.
fn parameter(answer: &Response, name: &str) -> Option<String> {
    let location = url::Url::parse(answer.headers().get(LOCATION)?.to_str().ok()?).ok()?;
    location.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}
