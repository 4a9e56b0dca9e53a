//! Who may be named in our tokens, by the rules that the certificate authority applies too.

use crate::connector::{ConnectorId, ConnectorIdentity};
use crate::namespace::{Denied, Rules};

/// An identity that the namespace rules permit; only `permit` makes one.
#[derive(Clone, Debug)]
pub struct PermittedIdentity(ConnectorIdentity);

impl PermittedIdentity {
    pub(super) fn into_identity(self) -> ConnectorIdentity {
        self.0
    }
}

/// Why an identity may not be named in our tokens.
#[derive(Clone, Debug, thiserror::Error)]
pub enum IdentityDenied {
    /// The connector names no e-mail address, which the rules need.
    #[error("the connector '{0}' names no e-mail address for this person")]
    NoEmail(ConnectorId),
    /// No rule lets this connector assert this address.
    #[error("{0} (rule {rule})", rule = .0.rule())]
    Rule(#[from] Denied),
}

/// Applies the rules that the certificate authority applies too. The address is kept as they parsed it.
pub fn permit(rules: &Rules, identity: &ConnectorIdentity) -> Result<PermittedIdentity, IdentityDenied> {
    let no_email = || IdentityDenied::NoEmail(identity.connector_id.clone());
    let email = identity.email.as_deref().ok_or_else(no_email)?;
    let permit = rules.permit_login(identity.connector_id.as_str(), email, identity.email_verified)?;
    let email = Some(permit.address().as_str().to_owned());
    // What was permitted is a verified address: an unverified one has no rule.
    Ok(PermittedIdentity(ConnectorIdentity { email, email_verified: true, ..identity.clone() }))
}
