//! `[listen]` of the configuration file.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use privyseal_config::{ListenSection, ListenerIdentity, SvidListenSection};

use super::Problems;
use super::tls_files::TlsFiles;

/// Where and how to listen.
pub(crate) struct Listen {
    pub(crate) address: SocketAddr,
    pub(crate) tls: Option<TlsFiles>,
    pub(crate) danger_plain_http: bool,
    pub(crate) drain: Duration,
    pub(crate) max_connections: usize,
    pub(crate) metrics: Option<SocketAddr>,
    pub(crate) svid: Option<SvidListen>,
}

/// Where workloads connect with mutual TLS, and which certificate they see.
pub(crate) struct SvidListen {
    pub(crate) address: SocketAddr,
    pub(crate) identity: ListenerIdentity,
}

/// The section; problems go into `problems`. `replaced` is the address of the command line, which replaces the file's.
pub(super) fn understand(
    section: &ListenSection,
    replaced: Option<&str>,
    folder: &Path,
    problems: &mut Problems,
) -> Option<Listen> {
    let place = if replaced.is_some() { "--listen" } else { "listen.address" };
    let text = replaced.unwrap_or(&section.address);
    let address = socket_address(text, place, problems)?;
    let tls = section.tls.as_ref().and_then(|tls| {
        let files = TlsFiles { certificate: folder.join(&tls.certificate), key: folder.join(&tls.key) };
        problems.keep("listen.tls", files.read()).map(|_| files)
    });
    if section.tls.is_none() && !address.ip().is_loopback() && !section.danger_plain_http {
        problems.add(
            place,
            format!(
                "other machines can reach {address}, and tokens would be sent in plain text; set listen.tls, listen on \
                 127.0.0.1, or set listen.danger_plain_http if a proxy directly in front ends TLS"
            ),
        );
    }
    let connections = problems.within("listen.max_connections", section.max_connections, 1..=1_000_000);
    Some(Listen {
        address,
        tls,
        danger_plain_http: section.danger_plain_http,
        drain: Duration::from_secs(u64::from(section.drain_seconds)),
        max_connections: connections as usize,
        metrics: section.metrics.as_deref().and_then(|text| socket_address(text, "listen.metrics", problems)),
        svid: section.svid.as_ref().and_then(|svid| svid_listen(svid, section, problems)),
    })
}

fn svid_listen(section: &SvidListenSection, listen: &ListenSection, problems: &mut Problems) -> Option<SvidListen> {
    if section.identity == ListenerIdentity::Files && listen.tls.is_none() {
        let message = "there is no certificate for this listener; set listen.tls, or set identity = \"workload-api\"";
        problems.add("listen.svid.identity", message.to_owned());
    }
    let address = socket_address(&section.address, "listen.svid.address", problems)?;
    Some(SvidListen { address, identity: section.identity })
}

fn socket_address(text: &str, place: &str, problems: &mut Problems) -> Option<SocketAddr> {
    problems.keep(place, text.parse().map_err(|_| format!("\"{text}\" is not an address like 127.0.0.1:8420")))
}
