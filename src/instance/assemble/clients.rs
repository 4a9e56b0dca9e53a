//! `[[clients]]` of the configuration file.

use std::path::Path;

use broker::provider::{Client, ClientSecretHash, Clients};
use privyseal_config::ClientSection;

use super::{Problems, secret_file};

/// The relying parties; problems go into `problems`.
pub(super) fn understand(sections: &[ClientSection], folder: &Path, problems: &mut Problems) -> Option<Clients> {
    let mut clients = Vec::new();
    for (at, section) in sections.iter().enumerate() {
        let place = format!("clients[{at}]");
        let secret = section.secret_file.as_deref().map(|name| {
            let secret =
                secret_file::read(&folder.join(name)).and_then(|s| ClientSecretHash::of(&s).map_err(|e| e.to_string()));
            problems.keep(&format!("{place}.secret_file"), secret)
        });
        let secret = match secret {
            Some(None) => continue,
            Some(Some(hash)) => Some(hash),
            None => None,
        };
        let client = Client::new(&section.id, secret, &section.redirect_uris, section.loopback_redirects);
        clients.extend(problems.keep(&place, client));
    }
    problems.keep("clients", Clients::new(clients))
}
