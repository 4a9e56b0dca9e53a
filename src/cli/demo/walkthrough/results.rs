//! The files that the demo writes, and the commands that verify them with other programs.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use privyseal_sigstore::{ExpectedIdentity, Verified};
use shared::x509::certificate::to_pem;

use super::options::DemoOptions;
use super::trust::FetchedTrust;
use crate::cli::client::Reason;

const BUNDLE: &str = "bundle.sigstore.json";
const QUERY: &str = "timestamp.tsq";
const RESPONSE: &str = "timestamp.tsr";
const TSA_ROOT: &str = "timestamp-root.pem";

/// Everything that the demo writes.
pub(super) struct DemoResults<'a> {
    pub(super) options: &'a DemoOptions,
    pub(super) identity: &'a ExpectedIdentity,
    pub(super) trust: &'a FetchedTrust,
    pub(super) bundle: Vec<u8>,
    pub(super) query: Vec<u8>,
    pub(super) response: Vec<u8>,
}

impl DemoResults<'_> {
    /// Writes the files and returns the lines to print about them.
    pub(super) fn write(&self) -> Result<Vec<String>, Reason> {
        let folder = &self.options.folder;
        let authority = self.trust.trusted_root.timestamp_authorities.first();
        let tsa_root = authority.and_then(|authority| authority.cert_chain.der().next_back()).map(to_pem);
        let tsa_root = tsa_root.ok_or("the trusted root names no timestamp authority")?.into_bytes();
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let ours = [(BUNDLE, &self.bundle), (QUERY, &self.query), (RESPONSE, &self.response), (TSA_ROOT, &tsa_root)];
        for (name, bytes) in ours.into_iter().chain(self.trust.files.iter().map(|(name, bytes)| (*name, bytes))) {
            write_file(&folder.join(name), bytes)?;
        }
        Ok(self.commands())
    }

    fn commands(&self) -> Vec<String> {
        let path = |name: &str| quoted(&self.options.folder.join(name));
        let file = quoted(&self.options.file);
        let (subject, issuer) = (quoted(Path::new(&self.identity.subject)), quoted(Path::new(&self.identity.issuer)));
        let (bundle, trusted_root) = (path(BUNDLE), path("trusted_root.json"));
        vec![
            format!(
                "Written to {}: the bundle, the timestamp with its query, and the trust files.",
                quoted(&self.options.folder)
            ),
            "Verify them offline with other programs:".to_owned(),
            String::new(),
            format!("  cosign verify-blob --trusted-root {trusted_root} --bundle {bundle} \\"),
            format!("    --certificate-identity {subject} --certificate-oidc-issuer {issuer} {file}"),
            String::new(),
            format!(
                "  sigstore --trust-config {} verify identity --bundle {bundle} \\",
                path("client_trust_config.json")
            ),
            format!("    --cert-identity {subject} --cert-oidc-issuer {issuer} {file}"),
            String::new(),
            format!("  openssl ts -verify -data {file} -in {} -CAfile {}", path(RESPONSE), path(TSA_ROOT)),
            format!(
                "  openssl ts -verify -queryfile {} -in {} -CAfile {}",
                path(QUERY),
                path(RESPONSE),
                path(TSA_ROOT)
            ),
        ]
    }
}

/// What the verification proved, one line each.
pub(super) fn proved(verified: &Verified) -> Vec<String> {
    let time = |time: &shared::time::UnixTime| time.rfc3339().unwrap_or_default();
    let mut lines = vec![format!("certificate {}: profile, identity, issuer, path to the root", verified.serial)];
    lines.extend(verified.sct_times.iter().map(|at| format!("SCT of the certificate log, {}", time(at))));
    lines.extend(verified.times.iter().map(|at| format!("timestamp over the signature, {}", time(at))));
    lines.extend(
        verified
            .entries
            .iter()
            .map(|(log, index)| format!("entry {index} of {log}: body, inclusion proof, checkpoint and its signature")),
    );
    lines.push("signature over the file".to_owned());
    lines
}

/// Reads the file to sign, if it has at most `cap` bytes.
#[expect(clippy::disallowed_methods, reason = "the demo signs a file that the user names")]
pub(super) fn read(path: &PathBuf, cap: u64) -> Result<Vec<u8>, Reason> {
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    let mut bytes = Vec::new();
    fs::File::open(path).map_err(failed)?.take(cap + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > cap {
        return Err(format!("{} is larger than {cap} bytes", path.display()));
    }
    Ok(bytes)
}

#[expect(clippy::disallowed_methods, reason = "the demo leaves its results where the user wants them")]
fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Reason> {
    fs::write(path, bytes).map_err(|error| format!("{}: {error}", path.display()))
}

/// The path as one word of a POSIX shell.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-@:+,=".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
