//! Who asks, and of which snapshot.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use broker::names::{DomainName, EmailAddress, Rule};
use broker::namespace::Denied;
use broker::profile::ClaimError;
use broker::token::{TokenError, TokenVerification, UnverifiedToken};
use shared::time::UnixTime;

use super::{ApiState, Kind, Problem};
use crate::instance::roles::Role;
use crate::instance::snapshots::Snapshot;

/// A request by somebody we know, and the snapshot that it sees from beginning to end.
pub(crate) struct Asked {
    pub(crate) caller: Caller,
    pub(crate) snapshot: Arc<Snapshot>,
}

/// Somebody whom our own provider vouches for. Most have no role.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    address: EmailAddress,
    roles: Vec<Role>,
}

/// Why a token does not open the API.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthenticationError {
    #[error("no token: send \"Authorization: Bearer\" with an ID token of this instance for the client privyseal-cli")]
    Missing,
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error("the token is signed by a key that this instance does not have")]
    Key,
    #[error(transparent)]
    Denied(#[from] Denied),
}

impl AuthenticationError {
    fn rule(&self) -> &'static str {
        match self {
            Self::Missing => "BEARER",
            Self::Token(error) => error.rule().id(),
            Self::Key => Rule::T1.id(),
            Self::Denied(denied) => denied.rule().id(),
        }
    }
}

impl From<AuthenticationError> for Problem {
    fn from(error: AuthenticationError) -> Self {
        Self::new(Kind::Unauthenticated, error.rule(), error.to_string())
    }
}

impl Caller {
    /// Whoever the token is of. The same steps as at the authority, with the record for the API's audience; and the
    /// same question to the rules as at login, so that a person whose address is given to somebody else is locked out
    /// at once.
    pub(crate) fn authenticate(
        snapshot: &Snapshot,
        token: Option<&[u8]>,
        now: UnixTime,
    ) -> Result<Self, AuthenticationError> {
        let token = UnverifiedToken::parse(token.ok_or(AuthenticationError::Missing)?)?;
        let record = snapshot.api_issuer.find(&token)?;
        let token = match token.verify(record, now)? {
            TokenVerification::Verified(token) => token,
            TokenVerification::NeedsKeys(_) => return Err(AuthenticationError::Key),
        };
        let claims = token.claims();
        let connector = claims.at(&["federated_claims", "connector_id"]).and_then(|value| value.as_str());
        let connector = connector.ok_or(Denied::ConnectorMissing)?;
        let email = claims.string("email").ok_or_else(|| Denied::from(ClaimError::EmailMissing))?;
        let is_verified = claims.get("email_verified").and_then(|value| value.as_bool()) == Some(true);
        let permit = snapshot.issuers.rules().permit_login(connector, email, is_verified)?;
        let address = permit.address().clone();
        Ok(Self { roles: snapshot.roles.of(&address, connector), address })
    }

    /// The e-mail address.
    pub(crate) fn address(&self) -> &EmailAddress {
        &self.address
    }

    /// All roles.
    pub(crate) fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// The domains that this person looks after.
    pub(crate) fn domains(&self) -> impl Iterator<Item = &DomainName> {
        self.roles.iter().flat_map(|role| match role {
            Role::NamespaceOwner(domains) => &domains[..],
            Role::Admin | Role::Auditor => &[],
        })
    }

    fn is_admin(&self) -> bool {
        self.roles.contains(&Role::Admin)
    }

    /// Leave to change anything.
    pub(crate) fn require_admin(&self) -> Result<(), Problem> {
        if self.is_admin() { Ok(()) } else { Err(self.lacks("admin")) }
    }

    /// Leave to read anything.
    pub(crate) fn require_auditor(&self) -> Result<(), Problem> {
        if self.is_admin() || self.roles.contains(&Role::Auditor) { Ok(()) } else { Err(self.lacks("auditor")) }
    }

    /// Leave to speak for `domain`: an administrator, or whoever looks after it or a domain above it.
    pub(crate) fn require_owner(&self, domain: &DomainName) -> Result<(), Problem> {
        let covers = |owned: &DomainName| {
            let rest = domain.as_str().strip_suffix(owned.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        if self.is_admin() || self.domains().any(covers) { Ok(()) } else { Err(self.lacks("namespace-owner")) }
    }

    fn lacks(&self, role: &str) -> Problem {
        let detail = format!("{} has not the role {role}; see [api] in the configuration", self.address);
        Problem::new(Kind::Forbidden, "ROLE", detail)
    }
}

impl FromRequestParts<Arc<ApiState>> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<ApiState>) -> Result<Self, Problem> {
        let snapshot = state.snapshots.current();
        let caller = Caller::authenticate(&snapshot, bearer(&parts.headers), state.clock.now())?;
        Ok(Self { caller, snapshot })
    }
}

/// The token of the one `Authorization: Bearer …`; the scheme's case is free (RFC 9110 §11.1).
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(only), None) = (values.next(), values.next()) else { return None };
    let (scheme, token) = only.as_bytes().split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}
