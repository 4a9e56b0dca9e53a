//! The authorities' keys and revocation, from the configuration file.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use privyseal_config::{KeysSection, RevocationSection};
use shared::keys::{KeyAlgorithm, Signer};
use shared::x509::RevocationAddresses;

use super::Problems;
use crate::instance::tokens;

/// The authority that certifies the issuing authority and the timestamp units, in paths.
pub(crate) const ROOT: &str = "root-ca";

/// How revocation is published.
#[derive(Clone, Debug)]
pub(crate) struct RevocationSettings {
    /// The addresses for it that certificates name.
    pub(crate) addresses: Option<RevocationAddresses>,
    /// An additional listener for it in plain HTTP.
    pub(crate) listen: Option<SocketAddr>,
    /// How long a revocation list is valid.
    pub(crate) crl: Duration,
    /// How long an OCSP answer is valid.
    pub(crate) ocsp: Duration,
}

/// The issuing authority's key, when it is in a token.
pub(super) fn issuing_key(section: &KeysSection, problems: &mut Problems) -> Option<Arc<dyn Signer>> {
    let algorithm = KeyAlgorithm::parse(&section.issuing_ca_algorithm);
    let algorithm = problems.keep("keys.issuing_ca_algorithm", algorithm)?;
    let uri = section.issuing_ca.as_deref()?;
    problems.keep("keys.issuing_ca", tokens::signer(uri, algorithm))
}

/// How revocation is published; problems go into `problems`.
pub(super) fn revocation(section: &RevocationSection, problems: &mut Problems) -> RevocationSettings {
    let addresses = section.origin.as_deref().and_then(|origin| {
        // HTTPS would need another certificate to check this one (RFC 5280 §8), and many checkers refuse it.
        let is_plain = url::Url::parse(origin)
            .is_ok_and(|url| url.scheme() == "http" && url.origin().ascii_serialization() == origin);
        if !is_plain {
            let message = format!(
                "\"{origin}\" is not an origin like http://pki.example.com; use plain HTTP and nothing after the host"
            );
            problems.add("revocation.origin", message);
        }
        is_plain.then(|| RevocationAddresses::at(origin, ROOT))
    });
    let listen = section.listen.as_deref().and_then(|text| {
        let address = text.parse().map_err(|_| format!("\"{text}\" is not an address like 0.0.0.0:80"));
        problems.keep("revocation.listen", address)
    });
    let days = problems.within("revocation.crl_days", section.crl_days, 1..=366);
    let hours = problems.within("revocation.ocsp_hours", section.ocsp_hours, 1..=240);
    RevocationSettings {
        addresses,
        listen,
        crl: Duration::from_secs(days * 86_400),
        ocsp: Duration::from_secs(hours * 3_600),
    }
}
