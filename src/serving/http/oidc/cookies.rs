//! The cookies: one for each login under way, one for the browser's session.

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use broker::provider::{FLOW_LIFETIME, SealedFlow, SessionSecret, is_flow_id};

use crate::instance::openid_provider::OpenIdProvider;

/// Most logins under way in one browser. The oldest beyond it are dropped, so that the header stays small.
const MAX_FLOWS: usize = 4;

/// How cookies are named and scoped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cookies {
    flow_prefix: &'static str,
    session: &'static str,
    /// `__Host-` requires `Path=/` and `Secure`; browsers then stop other hosts and plain HTTP from setting such a
    /// cookie. On loopback there is no TLS, so the path is narrow instead.
    attributes: &'static str,
}

impl Cookies {
    /// The cookies for the provider's origin.
    pub(super) fn of(op: &OpenIdProvider) -> Self {
        Self::new(op.provider.issuer().starts_with("https://"))
    }

    fn new(is_https: bool) -> Self {
        if is_https {
            Self {
                flow_prefix: "__Host-privyseal-flow-",
                session: "__Host-privyseal-session",
                attributes: "Path=/; HttpOnly; SameSite=Lax; Secure",
            }
        } else {
            Self {
                flow_prefix: "privyseal-flow-",
                session: "privyseal-session",
                attributes: "Path=/oidc; HttpOnly; SameSite=Lax",
            }
        }
    }

    pub(super) fn flow(self, headers: &HeaderMap, id: &str) -> Option<String> {
        pairs(headers)
            .find(|(name, _)| name.strip_prefix(self.flow_prefix) == Some(id))
            .map(|(_, value)| value.to_owned())
    }

    pub(super) fn session(self, headers: &HeaderMap) -> Option<SessionSecret> {
        pairs(headers).find(|(name, _)| *name == self.session).and_then(|(_, value)| SessionSecret::parse(value))
    }

    /// Stores a flow in the browser.
    pub(super) fn set_flow(self, response: &mut Response, flow: &SealedFlow) {
        let seconds = FLOW_LIFETIME.as_secs();
        self.append(response, &format!("{}{}={}; Max-Age={seconds}", self.flow_prefix, flow.id, flow.value));
    }

    pub(super) fn clear_flow(self, response: &mut Response, id: &str) {
        if is_flow_id(id) {
            self.append(response, &format!("{}{id}=; Max-Age=0", self.flow_prefix));
        }
    }

    /// Drops all but the newest flows; browsers send older cookies first (RFC 6265 §5.4).
    pub(super) fn clear_old_flows(self, response: &mut Response, headers: &HeaderMap) {
        let flows: Vec<&str> = pairs(headers).filter_map(|(name, _)| name.strip_prefix(self.flow_prefix)).collect();
        let surplus = (flows.len() + 1).saturating_sub(MAX_FLOWS);
        for id in flows.into_iter().take(surplus) {
            self.clear_flow(response, id);
        }
    }

    /// Stores a session in the browser until it is closed; the store can end it earlier.
    pub(super) fn set_session(self, response: &mut Response, session: &SessionSecret) {
        self.append(response, &format!("{}={}", self.session, session.expose()));
    }

    fn append(self, response: &mut Response, pair: &str) {
        // Names and values are base64url.
        if let Ok(value) = HeaderValue::from_str(&format!("{pair}; {}", self.attributes)) {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
    }
}

fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='))
}
