//! The SPIFFE bundle of our own trust domain: the key of our tokens, and a number that says how new it is.
//!
//! The number goes up when the keys change and never goes back, whatever becomes of the file that it is kept in: it is
//! at least the second in which the keys were first seen. A consumer that has seen a higher one takes a lower one for
//! an attack.

use std::path::Path;
use std::time::Duration;

use broker::provider::TokenKey;
use serde::{Deserialize, Serialize};
use shared::time::UnixTime;

use crate::file::{self, FileError};

/// How often others should look (SPIFFE Federation §5.3 takes the same where a bundle says nothing).
pub(crate) const REFRESH_HINT: Duration = Duration::from_secs(300);
/// Longest file that is read.
const MAX_FILE: u64 = 4_096;

/// Which keys the bundle held last, and under which number.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
struct StoredSequence {
    sequence: u64,
    /// RFC 7638 thumbprints.
    keys: Vec<String>,
}

/// The bundle with `key` in it. The file at `path` is written before a bundle with a new number is handed out.
pub(crate) fn publish(key: &TokenKey, path: &Path, now: UnixTime) -> Result<String, FileError> {
    let keys = vec![key.key_id().to_owned()];
    let sequence = match read(path)? {
        Some(kept) if kept.keys == keys => kept.sequence,
        kept => {
            let next = kept.map_or(0, |kept| kept.sequence.saturating_add(1)).max(now.seconds());
            write(path, &StoredSequence { sequence: next, keys })?;
            next
        }
    };
    Ok(key.spiffe_bundle(sequence, REFRESH_HINT))
}

/// The stored sequence. A damaged file is logged and ignored: the clock's second is beyond every number that was given
/// out before it.
fn read(path: &Path) -> Result<Option<StoredSequence>, FileError> {
    if !path.exists() {
        return Ok(None);
    }
    let text = file::read(path, MAX_FILE)?;
    Ok(toml::from_str(&text)
        .inspect_err(|error| {
            let path = path.display();
            tracing::warn!(%path, %error, "our SPIFFE bundle's sequence cannot be read, so it is taken from the clock");
        })
        .ok())
}

fn write(path: &Path, kept: &StoredSequence) -> Result<(), FileError> {
    let body = toml::to_string(kept).expect("strings and a number of seconds always encode");
    let text = format!("# The keys in the bundle of our own trust domain. Kept by the program; do not edit.\n{body}");
    file::write_durably(path, text.as_bytes(), file::Mode::Public)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use broker::trust_domain::Bundle;
    use shared::keys::{SignatureAlgorithm, SigningKey};

    use super::*;

    fn key() -> TokenKey {
        let key = SigningKey::generate(SignatureAlgorithm::EcdsaP256Sha256).expect("a key");
        TokenKey::new(Arc::new(key)).expect("fits")
    }

    #[test]
    fn the_number_goes_up_with_the_keys_and_never_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("spiffe-bundle.toml");
        let sequence = |key: &TokenKey, second: u64| {
            let document = publish(key, &path, UnixTime::from_seconds(second)).expect("published");
            let bundle = Bundle::parse(document.as_bytes()).expect("a bundle");
            assert_eq!((bundle.jwt_keys().kids().collect::<Vec<_>>(), bundle.skipped().len()), (vec![key.key_id()], 0));
            bundle.sequence().expect("a number")
        };
        let (first, second) = (key(), key());
        assert_eq!(sequence(&first, 1_000), 1_000);
        assert_eq!(sequence(&first, 2_000), 1_000, "the same keys");
        assert_eq!(sequence(&second, 2_000), 2_000);
        assert_eq!(sequence(&first, 500), 2_001, "a clock that went back");
        assert_eq!(sequence(&first, 9_000), 2_001);
        file::write_durably(&path, b"sequence = \"x\"", file::Mode::Public).expect("written");
        assert_eq!(sequence(&first, 9_000), 9_000, "a damaged file");
    }
}
