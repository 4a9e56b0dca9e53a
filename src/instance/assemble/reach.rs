//! Which addresses may be used for a record's keys or bundle, from the configuration file.

use std::path::Path;

use broker::issuer::Reach;

use super::Problems;
use crate::file;

/// Largest file of certificate authorities.
const MAX_FILE: u64 = 1 << 20;

/// The reach; problems go into `problems`.
pub(super) fn understand(
    ca_file: Option<&str>,
    internal: bool,
    danger_loopback_http: bool,
    folder: &Path,
    place: &str,
    problems: &mut Problems,
) -> Option<Reach> {
    let ca_pem = match ca_file {
        None => None,
        Some(name) => Some(problems.keep(&format!("{place}.ca_file"), file::read(&folder.join(name), MAX_FILE))?),
    };
    Some(Reach { ca_pem, internal, danger_loopback_http })
}
