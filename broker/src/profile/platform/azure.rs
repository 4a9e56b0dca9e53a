//! Managed identities of Microsoft Entra.
//!
//! `email` and `upn` are never read: an administrator of any tenant can set them. The name is the object in its tenant,
//! both of which are identifiers that are never given again, and the tenant is the one in the record's `iss`.

use shared::excerpt::excerpt;

use crate::profile::ci::ClaimsCondition;
use crate::profile::{CiProfile, ClaimPath};

/// Why an issuer is not one tenant of Microsoft Entra.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "the iss of an Azure tenant is https://sts.windows.net/<tenant id>/ or \
     https://login.microsoftonline.com/<tenant id>/v2.0, not {0:?}"
)]
pub struct AzureError(String);

pub(super) fn table(iss: &str) -> Result<CiProfile, AzureError> {
    let first = iss.strip_prefix("https://sts.windows.net/").and_then(|rest| rest.strip_suffix('/'));
    let second = iss.strip_prefix("https://login.microsoftonline.com/").and_then(|rest| rest.strip_suffix("/v2.0"));
    let tenant = first.or(second).filter(|tenant| is_guid(tenant));
    let tenant = tenant.ok_or_else(|| AzureError(excerpt(iss, 120)))?;
    let profile = CiProfile::named("azure", &format!("https://login.microsoftonline.com/{tenant}/{{oid}}"))
        .demands(ClaimsCondition::Equals { claim: ClaimPath::known("tid"), value: tenant.to_owned() })
        // Of all principals only managed identities have it.
        .demands(ClaimsCondition::Present(ClaimPath::known("xms_mirid")))
        // They differ in the token that a person got.
        .demands(ClaimsCondition::Same(ClaimPath::known("sub"), ClaimPath::known("oid")));
    Ok(profile)
}

/// `common`, `organizations` and `consumers` stand for all tenants.
fn is_guid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12]
        && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_tenant_only() {
        let tenant = "72f988bf-86f1-41af-91ab-2d7cd011db47";
        for good in
            [format!("https://sts.windows.net/{tenant}/"), format!("https://login.microsoftonline.com/{tenant}/v2.0")]
        {
            assert!(table(&good).is_ok(), "{good}");
        }
        for bad in [
            "https://login.microsoftonline.com/common/v2.0".to_owned(),
            "https://login.microsoftonline.com/organizations/v2.0".to_owned(),
            format!("https://sts.windows.net/{tenant}"),
            format!("https://login.microsoftonline.com/{tenant}/v2.0/"),
            format!("https://login.microsoftonline.com/{}/v2.0", tenant.to_uppercase()),
            format!("https://evil.example/{tenant}/"),
        ] {
            assert!(table(&bad).is_err(), "{bad}");
        }
    }
}
