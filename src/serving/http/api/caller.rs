//! The authenticated caller of a request, and the snapshot that the request sees.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use broker::names::{DomainName, EmailAddress, Rule};
use broker::namespace::Denied;
use broker::profile::ClaimError;
use broker::token::{TokenError, TokenVerification, UnverifiedToken};
use shared::time::UnixTime;

use super::{ApiProblem, ApiState, ProblemKind};
use crate::instance::roles::Role;
use crate::instance::snapshots::Snapshot;

/// An authenticated request: its caller, and the one snapshot that it sees.
pub(crate) struct ApiCall {
    pub(crate) caller: Caller,
    pub(crate) snapshot: Arc<Snapshot>,
}

/// A person authenticated by our own provider. Most have no role.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    address: EmailAddress,
    roles: Vec<Role>,
}

/// Why a token does not open the API.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthenticationError {
    #[error("no token: log in with `privyseal login` and send the ID token as \"Authorization: Bearer\"")]
    Missing,
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error("the token is signed with a key that this instance does not have")]
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

impl From<AuthenticationError> for ApiProblem {
    fn from(error: AuthenticationError) -> Self {
        Self::new(ProblemKind::Unauthenticated, error.rule(), error.to_string())
    }
}

impl Caller {
    /// Authenticates the token's holder. The steps are those of the certificate authority, with the issuer record for
    /// the API's audience. The login rules are applied again, so that a person whose address is now given to another
    /// issuer is locked out at once.
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

    /// The e-mail address in the token.
    pub(crate) fn address(&self) -> &EmailAddress {
        &self.address
    }

    /// All roles of this address, by `[api]` in the configuration.
    pub(crate) fn roles(&self) -> &[Role] {
        &self.roles
    }

    /// The domains that this person owns, by `[api]` in the configuration.
    pub(crate) fn domains(&self) -> impl Iterator<Item = &DomainName> {
        self.roles.iter().flat_map(|role| match role {
            Role::NamespaceOwner(domains) => &domains[..],
            Role::Admin | Role::Auditor => &[],
        })
    }

    fn is_admin(&self) -> bool {
        self.roles.contains(&Role::Admin)
    }

    /// An error for everyone but administrators, who may change anything.
    pub(crate) fn require_admin(&self) -> Result<(), ApiProblem> {
        if self.is_admin() { Ok(()) } else { Err(self.lacks("admin")) }
    }

    /// An error for everyone but auditors and administrators, who may read anything.
    pub(crate) fn require_auditor(&self) -> Result<(), ApiProblem> {
        if self.is_admin() || self.roles.contains(&Role::Auditor) { Ok(()) } else { Err(self.lacks("auditor")) }
    }

    /// An error for everyone but administrators and the owners of `domain` or of a parent domain.
    pub(crate) fn require_owner(&self, domain: &DomainName) -> Result<(), ApiProblem> {
        let covers = |owned: &DomainName| {
            let rest = domain.as_str().strip_suffix(owned.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        if self.is_admin() || self.domains().any(covers) { Ok(()) } else { Err(self.lacks("namespace-owner")) }
    }

    fn lacks(&self, role: &str) -> ApiProblem {
        let detail = format!(
            "{} does not have the role {role}; an operator can give it in section [api] of the configuration",
            self.address
        );
        ApiProblem::new(ProblemKind::Forbidden, "ROLE", detail)
    }
}

impl FromRequestParts<Arc<ApiState>> for ApiCall {
    type Rejection = ApiProblem;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<ApiState>) -> Result<Self, ApiProblem> {
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
