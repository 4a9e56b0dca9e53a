//! A login under way: everything that we must know again when the person comes back, sealed into a cookie of their
//! browser.
//!
//! Nothing is stored for it, so a million unfinished logins cost nothing (invariant 6). Each flow has a cookie of its
//! own, named after the flow, so two logins in two tabs do not meet; the seal is bound to that name. Without the
//! cookie a flow cannot continue: a login page, a form or an upstream's answer brought from another browser does not
//! open.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use shared::random::Random;
use shared::time::UnixTime;

use super::authorize_request::AuthorizeRequest;
use super::lifetimes::FLOW_LIFETIME;
use super::openid_provider::Provider;
use crate::connector::ConnectorId;

/// Browsers keep cookies of 4096 bytes, name and attributes included (RFC 6265 §6.1).
const MAX_SEALED: usize = 3840;
const ID_BYTES: usize = 16;

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Flow {
    pub(super) request: AuthorizeRequest,
    csrf: String,
    upstream: Option<UpstreamState>,
    expires_ms: u64,
}

/// What was sent to an upstream provider and must come back.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct UpstreamState {
    /// The connector of the upstream provider.
    pub connector: ConnectorId,
    /// Our `state` there: the flow's id, a dot, and a secret.
    pub state: String,
    /// Our `nonce` there.
    pub nonce: String,
    /// Our PKCE verifier there.
    pub verifier: String,
}

/// A flow as sealed in the browser's cookie.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SealedFlow {
    /// Its name; the cookie's name ends with it.
    pub id: String,
    /// The cookie's value.
    pub value: String,
}

/// A flow that its own browser brought back in time.
#[derive(Clone, Debug)]
pub struct OpenFlow {
    pub(super) id: String,
    pub(super) flow: Flow,
}

/// Why a flow cannot continue. Always shown on a page: without the flow the redirect URI is unknown.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FlowError {
    /// The form does not carry the token that we put into it.
    #[error("this form was not made for this login; go back to the program and start again")]
    Form,
    /// The person took longer than the flow's lifetime.
    #[error("this login has expired; go back to the program and start again")]
    Expired,
    /// The cookie is missing, changed, or of another browser.
    #[error(
        "this login was not started in this browser, or its cookie is gone; go back to the program and start again"
    )]
    NotHere,
    /// An upstream's answer with a `state` that we did not send, or for another connector.
    #[error("the upstream's answer does not belong to this login; go back to the program and start again")]
    State,
}

pub(super) fn token(random: &dyn Random) -> String {
    URL_SAFE_NO_PAD.encode(random.bytes::<ID_BYTES>())
}

fn equal(left: &str, right: &str) -> bool {
    verify_slices_are_equal(left.as_bytes(), right.as_bytes()).is_ok()
}

impl OpenFlow {
    /// The flow's name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The token that forms of this flow carry.
    pub fn csrf(&self) -> &str {
        &self.flow.csrf
    }

    /// The request that started it.
    pub fn request(&self) -> &AuthorizeRequest {
        &self.flow.request
    }

    /// What was sent to the upstream; there is something once `Provider::flow_to_upstream` has run.
    pub fn upstream(&self) -> Option<&UpstreamState> {
        self.flow.upstream.as_ref()
    }

    /// Accepts a form of this flow only with its token.
    pub fn check_form(&self, csrf: Option<&str>) -> Result<(), FlowError> {
        if csrf.is_some_and(|csrf| equal(csrf, &self.flow.csrf)) { Ok(()) } else { Err(FlowError::Form) }
    }

    /// Accepts an upstream's answer only with the `state` that this browser was sent away with, from that connector.
    pub fn check_callback(&self, connector: &ConnectorId, state: &str) -> Result<&UpstreamState, FlowError> {
        let upstream = self.flow.upstream.as_ref().ok_or(FlowError::State)?;
        if upstream.connector != *connector || !equal(&upstream.state, state) {
            return Err(FlowError::State);
        }
        Ok(upstream)
    }
}

/// The flow that an upstream's `state` belongs to, whose cookie is then asked for.
pub fn flow_of_state(state: &str) -> Option<&str> {
    state.split_once('.').map(|(id, _)| id).filter(|id| is_flow_id(id))
}

/// Whether `id` can name a flow: it becomes a part of a cookie's name.
pub fn is_flow_id(id: &str) -> bool {
    URL_SAFE_NO_PAD.decode(id).is_ok_and(|bytes| bytes.len() == ID_BYTES)
}

impl Provider {
    /// Starts a flow; `None` when it does not fit a cookie.
    pub(super) fn start_flow(
        &self,
        request: AuthorizeRequest,
        now: UnixTime,
        random: &dyn Random,
    ) -> Option<(SealedFlow, OpenFlow)> {
        let expires_ms = now.plus(FLOW_LIFETIME).millis();
        let flow = Flow { request, csrf: token(random), upstream: None, expires_ms };
        let open = OpenFlow { id: token(random), flow };
        // An upstream's state, nonce and verifier come on top later.
        const UPSTREAM_ROOM: usize = 320;
        let sealed = self.seal_flow(&open, random);
        (sealed.value.len() + UPSTREAM_ROOM <= MAX_SEALED).then_some((sealed, open))
    }

    fn seal_flow(&self, open: &OpenFlow, random: &dyn Random) -> SealedFlow {
        let plain = serde_json::to_vec(&open.flow).expect("strings and numbers always encode");
        let value = URL_SAFE_NO_PAD.encode(self.flow_key.seal(open.id.as_bytes(), &plain, random));
        SealedFlow { id: open.id.clone(), value }
    }

    /// Opens the flow `id` from its cookie's value.
    pub fn open_flow(&self, id: &str, cookie: Option<&str>, now: UnixTime) -> Result<OpenFlow, FlowError> {
        let cookie = cookie.filter(|value| is_flow_id(id) && value.len() <= MAX_SEALED).ok_or(FlowError::NotHere)?;
        let sealed = URL_SAFE_NO_PAD.decode(cookie).map_err(|_| FlowError::NotHere)?;
        let plain = self.flow_key.open(id.as_bytes(), &sealed).map_err(|_| FlowError::NotHere)?;
        let flow: Flow = serde_json::from_slice(&plain).map_err(|_| FlowError::NotHere)?;
        if now.millis() >= flow.expires_ms {
            return Err(FlowError::Expired);
        }
        Ok(OpenFlow { id: id.to_owned(), flow })
    }

    /// The `state` for an upstream: it names the flow, so that the answer finds its cookie.
    pub fn upstream_state(&self, flow: &OpenFlow, random: &dyn Random) -> String {
        format!("{}.{}", flow.id, token(random))
    }

    /// The flow with what was sent to the upstream, for the browser to bring back with the upstream's answer.
    pub fn flow_to_upstream(&self, mut flow: OpenFlow, upstream: UpstreamState, random: &dyn Random) -> SealedFlow {
        flow.flow.upstream = Some(upstream);
        self.seal_flow(&flow, random)
    }
}
