//! Policy for Sigstore's policy-controller: a ClusterImagePolicy, and the TrustRoot that it refers to.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{AcceptedSigner, Policy, SignerIdentity};
use crate::instance::assemble::Origin;

/// What the policy says besides the pairs.
pub(crate) struct Cluster<'a> {
    /// The origin of the instance.
    pub(crate) origin: &'a Origin,
    /// Which images the policy is for, as a glob.
    pub(crate) images: &'a str,
    /// The first TUF root, `/trust/root.json`; without it no TrustRoot is written.
    pub(crate) root: Option<&'a [u8]>,
}

/// The name of both documents.
const NAME: &str = "privyseal";

/// Two YAML documents, or one without the TUF root. An image passes when one identity of one authority matches. There
/// is one policy for all authorities, because an image must pass every policy that matches it.
pub(crate) fn policy_controller(policy: &Policy, cluster: &Cluster<'_>) -> String {
    let mut text = String::new();
    for left_out in &policy.left_out {
        let _ = writeln!(text, "# left out: {left_out}");
    }
    match cluster.root {
        Some(root) => trust_root(&mut text, cluster.origin, root),
        None => text.push_str(
            "# To add the TrustRoot, export again with --root FILE; FILE is /trust/root.json of the instance.\n",
        ),
    }
    let _ = writeln!(text, "apiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy");
    let _ = writeln!(text, "metadata:\n  name: {NAME}\nspec:\n  images:\n  - glob: {}", quote(cluster.images));
    let mut asserters: BTreeMap<&str, Vec<&AcceptedSigner>> = BTreeMap::new();
    for accepted in &policy.accepted {
        asserters.entry(&accepted.asserter).or_default().push(accepted);
    }
    if asserters.is_empty() {
        // No authority at all lets every image in.
        text.push_str("  authorities:\n  - name: nobody\n    static:\n      action: fail\n");
        return text;
    }
    text.push_str("  authorities:\n");
    for (asserter, accepted) in asserters {
        authority(&mut text, cluster.origin, asserter, &accepted);
    }
    text
}

fn authority(text: &mut String, origin: &Origin, asserter: &str, accepted: &[&AcceptedSigner]) {
    let name = asserter.replace(|c: char| !c.is_ascii_alphanumeric(), "-").to_ascii_lowercase();
    let _ = writeln!(text, "  - name: {}", quote(&name));
    let _ = writeln!(text, "    keyless:\n      url: {}", quote(&origin.to_string()));
    let _ = writeln!(text, "      trustRootRef: {NAME}\n      identities:");
    for one in accepted {
        let (key, value) = match &one.identity {
            SignerIdentity::Exact(name) => ("subject", name),
            SignerIdentity::Pattern(pattern) => ("subjectRegExp", pattern),
        };
        let _ = writeln!(text, "      - issuer: {}\n        {key}: {}", quote(&one.issuer), quote(value));
    }
    let _ = writeln!(text, "    ctlog:\n      url: {}\n      trustRootRef: {NAME}", quote(&origin.to_string()));
    let _ = writeln!(text, "    rfc3161timestamp:\n      trustRootRef: {NAME}");
}

fn trust_root(text: &mut String, origin: &Origin, root: &[u8]) {
    let _ = writeln!(text, "apiVersion: policy.sigstore.dev/v1alpha1\nkind: TrustRoot\nmetadata:\n  name: {NAME}");
    let _ = writeln!(text, "spec:\n  remote:\n    mirror: {}", quote(&format!("{origin}/tuf")));
    let _ = writeln!(text, "    root: {}\n---", quote(&STANDARD.encode(root)));
}

/// A YAML double-quoted scalar: JSON's strings are some of those.
fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
