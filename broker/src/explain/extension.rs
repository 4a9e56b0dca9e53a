//! What the extensions below 1.3.6.1.4.1.57264.1 are called (Fulcio's `oid-info`).

/// The name of the extension whose last arc is `number`.
pub fn extension_name(number: u8) -> &'static str {
    match number {
        1 => "Issuer (deprecated form)",
        2 => "GitHub Workflow Trigger",
        3 => "GitHub Workflow SHA",
        4 => "GitHub Workflow Name",
        5 => "GitHub Workflow Repository",
        6 => "GitHub Workflow Ref",
        8 => "Issuer",
        9 => "Build Signer URI",
        10 => "Build Signer Digest",
        11 => "Runner Environment",
        12 => "Source Repository URI",
        13 => "Source Repository Digest",
        14 => "Source Repository Ref",
        15 => "Source Repository Identifier",
        16 => "Source Repository Owner URI",
        17 => "Source Repository Owner Identifier",
        18 => "Build Config URI",
        19 => "Build Config Digest",
        20 => "Build Trigger",
        21 => "Run Invocation URI",
        22 => "Source Repository Visibility At Signing",
        23 => "Deployment Environment",
        24 => "Token Subject",
        _ => "unnamed",
    }
}
