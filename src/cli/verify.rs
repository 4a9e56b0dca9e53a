//! `privyseal verify`

use std::path::{Path, PathBuf};

use clap::Args;
use privyseal_sigstore::{Bundle, ExpectedIdentity, verify};
use shared::trust_root::TrustedRoot;

use super::failure::Failure;

/// Verify a Sigstore bundle offline: certificate path, SCT, timestamp, log entry, signature and identity.
#[derive(Args, Debug)]
pub(super) struct VerifyBundleArgs {
    /// The Sigstore bundle.
    #[arg(long, value_name = "FILE")]
    bundle: PathBuf,
    /// The trusted root, from /trust/trusted_root.json of the instance.
    #[arg(long, value_name = "FILE")]
    trusted_root: PathBuf,
    /// The expected signer: an e-mail address or a URI.
    #[arg(long, value_name = "NAME")]
    identity: String,
    /// The expected issuer, which asserted that name.
    #[arg(long, value_name = "URL")]
    issuer: String,
    /// The signed file.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub(super) fn run(args: VerifyBundleArgs) -> Result<(), Failure> {
    let bundle = Bundle::parse(&read(&args.bundle)?)?;
    let trust = TrustedRoot::parse(&read(&args.trusted_root)?)?;
    let identity = ExpectedIdentity { subject: args.identity, issuer: args.issuer };
    let verified = verify(&bundle, &trust, &identity, &read(&args.file)?)?;
    println!("Verified: {} signed {}", identity.subject, args.file.display());
    for time in &verified.times {
        println!("  at {}", time.rfc3339().unwrap_or_default());
    }
    for (log, index) in &verified.entries {
        println!("  entry {index} of {log}");
    }
    println!("  certificate {}", verified.serial);
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the command line names the files to read")]
fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()).into())
}
