//! Grants, as the file says them.

use broker::names::NameError;
use broker::namespace::{Grant, Scope};
use privyseal_config::GrantSection;

use super::Problems;

/// Why a grant means nothing.
#[derive(Debug, thiserror::Error)]
enum GrantError {
    #[error("a grant has exactly one of `email` (a domain), `address` and `uri`")]
    Kind,
    #[error("`subdomains` goes with `email` only")]
    Subdomains,
    #[error(transparent)]
    Name(#[from] NameError),
}

/// All grants of one record; a wrong one is written down.
pub(super) fn understand(sections: &[GrantSection], place: &str, problems: &mut Problems) -> Vec<Grant> {
    let mut grants = Vec::with_capacity(sections.len());
    for (at, section) in sections.iter().enumerate() {
        grants.extend(problems.keep(&format!("{place}.grants[{at}]"), grant(section)));
    }
    grants
}

fn grant(section: &GrantSection) -> Result<Grant, GrantError> {
    let grant = match section {
        GrantSection { email: Some(domain), address: None, uri: None, .. } => {
            Grant::email_domain(domain, section.subdomains)?
        }
        GrantSection { subdomains: true, .. } => return Err(GrantError::Subdomains),
        GrantSection { email: None, address: Some(address), uri: None, .. } => Grant::email_address(address)?,
        GrantSection { email: None, address: None, uri: Some(prefix), .. } => Grant::uri_prefix(prefix)?,
        _ => return Err(GrantError::Kind),
    };
    Ok(if section.shared { Grant::shared(scope(&grant)) } else { grant })
}

fn scope(grant: &Grant) -> Scope {
    grant.scope().clone()
}
