//! A small HTTP client that does what a login needs of a browser: it keeps cookies and shows redirects.

mod form;
pub(crate) mod login;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use axum::http::{HeaderMap, StatusCode, header};
use serde_json::Value;

/// Why a request failed, as text for a person.
pub(crate) type Reason = String;

/// Largest response body that is read, in bytes.
const MAX_ANSWER: usize = 4 << 20;
/// Longest wait for a response. Password hashing on a busy machine takes a while.
const DEADLINE: Duration = Duration::from_secs(30);

/// A client of one origin.
pub(crate) struct Client {
    http: reqwest::Client,
    pub(crate) origin: String,
    cookies: Mutex<BTreeMap<String, String>>,
}

/// A response, with its whole body.
pub(crate) struct HttpAnswer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    url: String,
}

impl HttpAnswer {
    /// The response if it has this status; otherwise an error that quotes the server.
    pub(crate) fn expect(self, status: u16) -> Result<Self, Reason> {
        if self.status.as_u16() == status {
            return Ok(self);
        }
        let id = self.headers.get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or("none");
        let text: String = String::from_utf8_lossy(&self.body).chars().filter(|c| !c.is_control()).take(500).collect();
        Err(format!("{} answered {} instead of {status} (request id {id}): {text}", self.url, self.status.as_u16()))
    }

    pub(crate) fn json(&self) -> Result<Value, Reason> {
        serde_json::from_slice(&self.body).map_err(|error| format!("{} did not answer with JSON: {error}", self.url))
    }

    /// The target of a redirect, as an absolute URL.
    pub(crate) fn location(&self) -> Option<String> {
        let location = self.headers.get(header::LOCATION).filter(|_| self.status.is_redirection())?.to_str().ok()?;
        Some(url::Url::parse(&self.url).ok()?.join(location).ok()?.to_string())
    }
}

impl Client {
    /// A client of `origin`. TLS certificates are verified with the authorities in `ca_pem`, or the system's.
    pub(crate) fn new(origin: &str, ca_pem: Option<&str>) -> Result<Self, Reason> {
        // reqwest needs a TLS provider in any case; installing it twice fails without harm.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let mut builder =
            reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).timeout(DEADLINE);
        if let Some(pem) = ca_pem {
            let authorities = reqwest::Certificate::from_pem_bundle(pem.as_bytes()).map_err(|error| causes(&error))?;
            builder = builder.tls_certs_only(authorities);
        } else if origin.starts_with("http://") {
            // Without TLS the system's authorities need not be read.
            builder = builder.tls_certs_only([]);
        }
        let http = builder.build().map_err(|error| causes(&error))?;
        Ok(Self { http, origin: origin.to_owned(), cookies: Mutex::default() })
    }

    /// GET a path of the origin, or an absolute URL.
    pub(crate) async fn get(&self, target: &str) -> Result<HttpAnswer, Reason> {
        let url = self.url(target);
        self.send(self.http.get(&url), url).await
    }

    /// GET with a bearer token, if there is one.
    pub(crate) async fn get_as(&self, path: &str, bearer: Option<&str>) -> Result<HttpAnswer, Reason> {
        let url = self.url(path);
        let mut request = self.http.get(&url);
        if let Some(token) = bearer {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        self.send(request, url).await
    }

    pub(crate) async fn post_json(&self, path: &str, body: &Value, bearer: Option<&str>) -> Result<HttpAnswer, Reason> {
        let url = self.url(path);
        let mut request = self.http.post(&url).header(header::CONTENT_TYPE, "application/json").body(body.to_string());
        if let Some(token) = bearer {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        self.send(request, url).await
    }

    pub(crate) async fn post_bytes(&self, path: &str, content_type: &str, body: Vec<u8>) -> Result<HttpAnswer, Reason> {
        let url = self.url(path);
        self.send(self.http.post(&url).header(header::CONTENT_TYPE, content_type).body(body), url).await
    }

    /// POST a form, with the headers in which a browser says where the form came from.
    pub(crate) async fn post_form(&self, target: &str, fields: &[(String, String)]) -> Result<HttpAnswer, Reason> {
        let url = self.url(target);
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self
            .http
            .post(&url)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ORIGIN, &self.origin)
            .header("sec-fetch-site", "same-origin")
            .body(body);
        self.send(request, url).await
    }

    fn url(&self, target: &str) -> String {
        if target.starts_with('/') { format!("{}{target}", self.origin) } else { target.to_owned() }
    }

    async fn send(&self, request: reqwest::RequestBuilder, url: String) -> Result<HttpAnswer, Reason> {
        let cookies = self.cookie_header();
        let request = if cookies.is_empty() { request } else { request.header(header::COOKIE, cookies) };
        let mut response = request.send().await.map_err(|error| format!("{url}: {}", causes(&error)))?;
        let (status, headers) = (response.status(), response.headers().clone());
        self.keep_cookies(&headers);
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| format!("{url}: {}", causes(&error)))? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_ANSWER {
                return Err(format!("{url} answered with more than {MAX_ANSWER} bytes"));
            }
        }
        Ok(HttpAnswer { status, headers, body, url })
    }

    fn cookie_header(&self) -> String {
        let cookies = self.cookies.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    fn keep_cookies(&self, headers: &HeaderMap) {
        let mut cookies = self.cookies.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for cookie in headers.get_all(header::SET_COOKIE).into_iter().filter_map(|value| value.to_str().ok()) {
            let mut parts = cookie.split(';').map(str::trim);
            let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else { continue };
            if value.is_empty() || parts.any(|part| part.eq_ignore_ascii_case("max-age=0")) {
                cookies.remove(name);
            } else {
                cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

/// An error with its causes: reqwest keeps the interesting part, such as a refused connection, one level down.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
