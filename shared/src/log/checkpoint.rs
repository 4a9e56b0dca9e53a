//! Checkpoints (c2sp.org/tlog-checkpoint): what a log says its tree is, over its signature.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::merkle::Hash;
use super::note::{self, Note, NoteError};
use crate::keys::{PublicKey, SignError, Signer};

/// Longest origin, in bytes.
pub const MAX_ORIGIN: usize = 255;

/// The name of a log: first line of its checkpoints, and the name of its key in their signatures.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Origin(String);

/// The name cannot name a log.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} cannot name a log: 1 to {MAX_ORIGIN} bytes without spaces, plus signs and control characters")]
pub struct OriginError(String);

impl Origin {
    /// Checks a name.
    pub fn parse(name: &str) -> Result<Self, OriginError> {
        if note::is_key_name(name) && name.len() <= MAX_ORIGIN {
            Ok(Self(name.to_owned()))
        } else {
            Err(OriginError(name.to_owned()))
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A checkpoint that is ours to sign, or whose signature was checked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: Origin,
    /// How many leaves its tree has.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

/// A checkpoint that is not verified yet. Only `verify` gives out its numbers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SignedCheckpoint {
    note: Note,
    unverified: Checkpoint,
}

/// Why a text is not a checkpoint by this key.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CheckpointError {
    /// Not a signed note, or not one by this key.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The first line cannot name a log.
    #[error(transparent)]
    Origin(#[from] OriginError),
    /// The second line is not a plain decimal number.
    #[error("the tree size {0:?} is not a decimal number without leading zeroes")]
    Size(String),
    /// The third line is not the base64 of 32 bytes.
    #[error("the root hash {0:?} is not the base64 of 32 bytes")]
    Root(String),
    /// It is of another log.
    #[error("the checkpoint is of the log {found}, not of {expected}")]
    Foreign {
        /// The log that it names.
        found: Origin,
        /// The log that it should be of.
        expected: Origin,
    },
    /// Fewer than three lines, or an empty one.
    #[error("a checkpoint has an origin, a size and a root, each on a line of its own")]
    Lines,
}

impl Checkpoint {
    /// The note's text.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root))
    }

    /// Signs it, with the origin as the key's name.
    pub fn sign(&self, signer: &dyn Signer) -> Result<String, SignError> {
        note::sign(&self.text(), self.origin.as_str(), signer)
    }
}

impl SignedCheckpoint {
    /// Reads a checkpoint, with or without extension lines.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let note = Note::parse(text)?;
        let mut lines = note.text().strip_suffix('\n').unwrap_or_default().split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(CheckpointError::Lines);
        };
        if lines.any(str::is_empty) {
            return Err(CheckpointError::Lines);
        }
        let unverified =
            Checkpoint { origin: Origin::parse(origin)?, size: parse_size(size)?, root: parse_root(root)? };
        Ok(Self { note, unverified })
    }

    /// The log that it claims to be of. Not verified: only for choosing a key.
    pub fn claimed_origin(&self) -> &Origin {
        &self.unverified.origin
    }

    /// Whether it claims this tree. Not verified: only for comparing.
    pub fn claims(&self, size: u64, root: &Hash) -> bool {
        (self.unverified.size, &self.unverified.root) == (size, root)
    }

    /// The checkpoint, if the log that it names signed it with `key`.
    pub fn verify(self, key: &PublicKey) -> Result<Checkpoint, CheckpointError> {
        self.note.verified_by(self.unverified.origin.as_str(), key)?;
        Ok(self.unverified)
    }
}

fn parse_size(line: &str) -> Result<u64, CheckpointError> {
    let plain = line.bytes().all(|byte| byte.is_ascii_digit()) && (line == "0" || !line.starts_with('0'));
    line.parse().ok().filter(|_| plain).ok_or_else(|| CheckpointError::Size(line.to_owned()))
}

fn parse_root(line: &str) -> Result<Hash, CheckpointError> {
    let decoded = STANDARD.decode(line).ok().and_then(|bytes| bytes.try_into().ok());
    decoded.ok_or_else(|| CheckpointError::Root(line.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{SignatureAlgorithm, SigningKey};

    fn key() -> SigningKey {
        SigningKey::generate(SignatureAlgorithm::EcdsaP256Sha256).expect("generates")
    }

    #[test]
    fn a_checkpoint_is_read_back() {
        let key = key();
        let checkpoint = Checkpoint { origin: Origin::parse("log.example").expect("name"), size: 7, root: [9; 32] };
        let text = checkpoint.sign(&key).expect("signs");
        assert!(
            text.starts_with("log.example\n7\nCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=\n\n\u{2014} log.example ")
        );
        let signed = SignedCheckpoint::parse(&text).expect("parses");
        assert_eq!(signed.claimed_origin().as_str(), "log.example");
        assert_eq!(signed.verify(key.public_key()), Ok(checkpoint));
        let larger = SignedCheckpoint::parse(&text.replacen('7', "8", 1)).expect("parses");
        assert!(larger.verify(key.public_key()).is_err());
    }

    #[test]
    fn what_is_not_a_checkpoint_is_refused() {
        let key = key();
        let root = STANDARD.encode([9; 32]);
        let parse = |text: &str| SignedCheckpoint::parse(&note::sign(text, "log.example", &key).expect("signs"));
        assert!(parse(&format!("log.example\n0\n{root}\n")).is_ok());
        assert!(parse(&format!("log.example\n0\n{root}\nextension\n")).is_ok());
        for size in ["", "01", "+1", "-1", "1 ", "18446744073709551616", "٣"] {
            assert_eq!(
                parse(&format!("log.example\n{size}\n{root}\n")),
                Err(CheckpointError::Size(size.to_owned())),
                "{size:?}"
            );
        }
        for bad in ["", "AAAA", &root[..43], &format!(" {root}")] {
            let read = parse(&format!("log.example\n1\n{bad}\n"));
            assert_eq!(read, Err(CheckpointError::Root(bad.to_owned())), "{bad:?}");
        }
        assert_eq!(parse("log.example\n1\n"), Err(CheckpointError::Lines));
        assert_eq!(parse(&format!("log.example\n1\n{root}\n\nx\n")), Err(CheckpointError::Lines));
        assert!(matches!(parse(&format!("log example\n1\n{root}\n")), Err(CheckpointError::Origin(_))));
    }
}
