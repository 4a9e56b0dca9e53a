//! Roles of AWS accounts, by the tokens of outbound identity federation.
//!
//! `sub` is the role's ARN. An ARN is not a hierarchical URI, so the name is its account and resource below AWS's own
//! host.

use shared::excerpt::excerpt;

use super::{ClaimError, ClaimPath, Claimed};
use crate::jose::Claims;
use crate::names::{Name, UriName};

/// The claim that holds what STS knows of the caller.
const ACCOUNT: &str = "/https:~1~1sts.amazonaws.com~1/aws_account";

pub(super) fn claim(subject: &str, claims: &Claims) -> Result<Claimed, ClaimError> {
    let account = ClaimPath::parse(ACCOUNT).expect("a pointer").required(claims)?;
    let name = Name::Uri(role(subject, account)?);
    Ok(Claimed::subject(subject, name))
}

/// `arn:<partition>:iam::<account>:role/<path and name>`, in the account that the token is of.
fn role(arn: &str, account: &str) -> Result<UriName, ClaimError> {
    let place = || ClaimError::Place { claim: "sub".into(), value: excerpt(arn, 80) };
    let ["arn", partition, "iam", "", owner, resource] = arn.splitn(6, ':').collect::<Vec<_>>()[..] else {
        return Err(place());
    };
    let is_partition = partition == "aws" || partition.strip_prefix("aws-").is_some_and(|more| !more.is_empty());
    // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: letters, digits and +=,.@_-
    let is_role = resource
        .strip_prefix("role/")
        .is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+=,.@_-/".contains(&byte)));
    let is_account = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    if !is_partition || !is_role || !is_account {
        return Err(place());
    }
    if owner != account {
        return Err(ClaimError::Differs(ACCOUNT.to_owned()));
    }
    Ok(UriName::parse(&format!("https://sts.amazonaws.com/{account}/{resource}"))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_of_their_own_account_only() {
        let name = |arn: &str| role(arn, "123456789012").map(|name| name.to_string());
        assert_eq!(
            name("arn:aws:iam::123456789012:role/DataProcessingRole").as_deref(),
            Ok("https://sts.amazonaws.com/123456789012/role/DataProcessingRole")
        );
        assert_eq!(
            name("arn:aws-cn:iam::123456789012:role/teams/ci/Sign@er").as_deref(),
            Ok("https://sts.amazonaws.com/123456789012/role/teams/ci/Sign@er")
        );
        assert!(matches!(name("arn:aws:iam::999999999999:role/x"), Err(ClaimError::Differs(_))));
        for bad in [
            "arn:aws:iam::123456789012:user/x",
            "arn:aws:iam::123456789012:root",
            "arn:aws:sts::123456789012:assumed-role/x/y",
            "arn:aws:iam:us-east-1:123456789012:role/x",
            "arn:evil:iam::123456789012:role/x",
            "arn:aws:iam::123456789012:role/x?y",
            "arn:aws:iam::123456789012:role/x y",
            "arn:aws:iam::123456789012:role/a:b",
            "123456789012",
        ] {
            assert!(matches!(name(bad), Err(ClaimError::Place { .. })), "{bad}");
        }
        for bad in ["arn:aws:iam::123456789012:role/../x", "arn:aws:iam::123456789012:role//x"] {
            assert!(matches!(name(bad), Err(ClaimError::Name(_))), "{bad}");
        }
        assert!(matches!(role("arn:aws:iam::12:role/x", "12"), Err(ClaimError::Place { .. })));
    }
}
