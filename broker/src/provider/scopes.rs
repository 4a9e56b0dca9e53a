//! `scope` (RFC 6749 §3.3, OpenID Connect Core §5.4).

use serde::{Deserialize, Serialize};

use super::authorize_error::RedirectRefusal;

/// The requested claims. Scopes that we do not know are ignored (OpenID Connect Core §3.1.2.1).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Scopes {
    /// `email` and `email_verified`.
    pub email: bool,
    /// `name`.
    pub profile: bool,
}

impl Scopes {
    pub(super) fn parse(scope: Option<&str>) -> Result<Self, RedirectRefusal> {
        let asked = |name: &str| scope.is_some_and(|scope| scope.split(' ').any(|word| word == name));
        if !asked("openid") {
            return Err(RedirectRefusal::Scope);
        }
        Ok(Self { email: asked("email"), profile: asked("profile") })
    }

    /// The `scope` of the token answer: what of the wish was granted.
    pub(super) fn granted(self) -> String {
        let extra = [(self.email, " email"), (self.profile, " profile")];
        extra.iter().filter(|(asked, _)| *asked).fold("openid".to_owned(), |scope, (_, name)| scope + name)
    }
}
