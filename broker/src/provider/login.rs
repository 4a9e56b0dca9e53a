//! The end of a login: the browser gets a session, the client a code.

use shared::random::Random;
use shared::time::UnixTime;

use super::authorize_error::RedirectRefusal;
use super::fault::ProviderFault;
use super::flow::{FlowError, OpenFlow};
use super::openid_provider::Provider;
use super::permitted_identity::{IdentityDenied, PermittedIdentity};
use super::redirect::RedirectAnswer;
use super::session::{self, Session, SessionSecret};
use crate::namespace::Rules;

/// A completed login.
#[derive(Clone)]
pub struct LoggedIn {
    /// The answer to the client.
    pub answer: RedirectAnswer,
    /// The browser's new session, if there are sessions.
    pub session: Option<SessionSecret>,
}

/// The result of a confirmation.
#[derive(Clone)]
pub enum Continued {
    /// The answer to the client.
    Answer(RedirectAnswer),
    /// The session has ended in the meantime, or the person is someone else: they have to log in.
    LogIn,
}

/// Why a confirmation is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum ContinueError {
    /// Our own trouble.
    #[error(transparent)]
    Fault(#[from] ProviderFault),
    /// The form is not of this flow.
    #[error(transparent)]
    Flow(#[from] FlowError),
}

impl Provider {
    /// Ends a login of `flow`. `auth_time` is when the person proved who they are, which may lie before now at an
    /// upstream; `previous` is the session that the browser had, which ends.
    pub fn log_in(
        &self,
        flow: &OpenFlow,
        identity: PermittedIdentity,
        auth_time: UnixTime,
        previous: Option<&SessionSecret>,
        now: UnixTime,
        random: &dyn Random,
    ) -> Result<LoggedIn, ProviderFault> {
        let session = Session { identity: identity.into_identity(), auth_time: auth_time.seconds().min(now.seconds()) };
        let secret = if self.lifetimes.session.is_zero() {
            None
        } else {
            let expires = now.plus(self.lifetimes.session);
            Some(session::start(&*self.store, &session, previous, expires, now, random)?)
        };
        let answer = self.answer(&flow.flow.request, &session, now, random)?;
        Ok(LoggedIn { answer, session: secret })
    }

    /// Accepts the confirmation of the person who is already logged in.
    pub fn confirm(
        &self,
        flow: &OpenFlow,
        csrf: Option<&str>,
        session: Option<&SessionSecret>,
        rules: &Rules,
        now: UnixTime,
        random: &dyn Random,
    ) -> Result<Continued, ContinueError> {
        flow.check_form(csrf)?;
        match self.suitable_session(&flow.flow.request, session, rules, now)? {
            Some(session) => Ok(Continued::Answer(self.answer(&flow.flow.request, &session, now, random)?)),
            None => Ok(Continued::LogIn),
        }
    }

    /// The answer to the client when the rules do not permit the identity.
    pub fn denied(&self, flow: &OpenFlow, denied: &IdentityDenied) -> RedirectAnswer {
        self.refuse(flow, &RedirectRefusal::Denied(denied.to_string()))
    }

    /// The answer to the client when the person gave up, or was refused, at the upstream.
    pub fn refused_upstream(&self, flow: &OpenFlow) -> RedirectAnswer {
        self.refuse(flow, &RedirectRefusal::Upstream)
    }

    fn refuse(&self, flow: &OpenFlow, refusal: &RedirectRefusal) -> RedirectAnswer {
        flow.flow.request.return_to.with_error(refusal.code(), &refusal.to_string(), &self.issuer)
    }
}
