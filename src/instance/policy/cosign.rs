//! Policy for cosign: one command for each pair.

use std::fmt::Write as _;

use super::{Policy, SignerIdentity};

/// A command for every pair. The signature is accepted if any of them succeeds.
pub(crate) fn cosign(policy: &Policy) -> String {
    let mut text = String::from("# The signature is accepted if one of these commands succeeds.\n");
    for left_out in &policy.left_out {
        let _ = writeln!(text, "# left out: {left_out}");
    }
    for accepted in &policy.accepted {
        let (flag, value) = match &accepted.identity {
            SignerIdentity::Exact(name) => ("--certificate-identity", name),
            SignerIdentity::Pattern(pattern) => ("--certificate-identity-regexp", pattern),
        };
        let _ = writeln!(text, "\n# {} {}", accepted.asserter, accepted.grant);
        let _ = writeln!(
            text,
            "cosign verify-blob --bundle \"$BUNDLE\" {flag} {} --certificate-oidc-issuer {} \"$FILE\"",
            quote(value),
            quote(&accepted.issuer)
        );
    }
    text
}

/// One word of a POSIX shell.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
