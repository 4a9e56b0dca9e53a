//! Signed notes (c2sp.org/signed-note): a text and lines of signatures under it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::keys::{KeyKind, PublicKey, SignError, Signer};

/// Longest note that we read. Sixteen signatures must fit (signed-note, "Format"), post-quantum ones take 5 kB each.
pub const MAX_NOTE: usize = 128 * 1024;
/// Most signature lines that we read.
pub const MAX_SIGNATURES: usize = 64;

/// A note that is not verified yet: `verified_by` checks who signed its text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// One signature line.
#[derive(Clone, Debug, Eq, PartialEq)]
struct NoteSignature {
    name: String,
    key_id: [u8; 4],
    signature: Vec<u8>,
}

/// Why something is not a note, or not a note by this key.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NoteError {
    /// Over the cap.
    #[error("the note has {0} bytes, more than {MAX_NOTE}")]
    TooLong(usize),
    /// A control character other than the newline.
    #[error("the note holds a control character")]
    Control,
    /// No empty line, or no signature after the last one.
    #[error("the note has no text, or no signature after its last empty line")]
    Shape,
    /// A signature line that is not `— name base64`.
    #[error("signature line {0} of the note is malformed")]
    Signature(usize),
    /// No signature under this name and key.
    #[error("the note has no signature by {name} with key id {}", hex::encode(key_id))]
    Unsigned {
        /// The name that was looked for.
        name: String,
        /// The key's id.
        key_id: [u8; 4],
    },
    /// A signature under this name and key id that does not verify: the whole note is refused.
    #[error("the note's signature by {0} does not verify")]
    BadSignature(String),
    /// A key that our notes are not signed with.
    #[error("notes are signed with ECDSA keys, not with {0}")]
    Key(KeyKind),
}

/// The id of an ECDSA key in a note: SHA-256 of the `SubjectPublicKeyInfo`, cut to four bytes (signed-note, type 0x02).
/// The name does not enter it, as it would for Ed25519; thus the log's id is the same in every Sigstore tool.
pub fn key_id(key: &PublicKey) -> Result<[u8; 4], NoteError> {
    match key.kind() {
        KeyKind::P256 | KeyKind::P384 | KeyKind::P521 => {
            let [a, b, c, d, ..] = key.spki_sha256();
            Ok([a, b, c, d])
        }
        other => Err(NoteError::Key(other)),
    }
}

/// A key as tools that check logs from outside want it on one line: `name+key id+base64(0x02 ‖ SubjectPublicKeyInfo)`.
pub fn verifier_key(name: &str, key: &PublicKey) -> Result<String, NoteError> {
    let encoded = STANDARD.encode([&[2], key.spki_der()].concat());
    Ok(format!("{name}+{}+{encoded}", hex::encode(key_id(key)?)))
}

/// Whether `name` can name a key: not empty, no spaces, no plus, no control characters.
pub fn is_key_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+')
}

/// Signs `text`, which ends in a newline, as `name`.
pub fn sign(text: &str, name: &str, signer: &dyn Signer) -> Result<String, SignError> {
    debug_assert!(text.ends_with('\n') && is_key_name(name));
    let mut signature = key_id(signer.public_key()).map_err(|_| SignError)?.to_vec();
    signature.extend(signer.sign(text.as_bytes())?);
    Ok(format!("{text}\n\u{2014} {name} {}\n", STANDARD.encode(signature)))
}

impl Note {
    /// Reads a note.
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        if note.len() > MAX_NOTE {
            return Err(NoteError::TooLong(note.len()));
        }
        if note.chars().any(|c| c < ' ' && c != '\n') {
            return Err(NoteError::Control);
        }
        let split = note.rfind("\n\n").ok_or(NoteError::Shape)?;
        let (text, lines) = (&note[..=split], &note[split + 2..]);
        let lines = lines.strip_suffix('\n').ok_or(NoteError::Shape)?;
        let mut signatures = Vec::new();
        for (number, line) in lines.split('\n').enumerate() {
            if number == MAX_SIGNATURES {
                return Err(NoteError::Signature(number));
            }
            signatures.push(NoteSignature::parse(line).ok_or(NoteError::Signature(number))?);
        }
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// The text, with its last newline.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Checks that `name` signed the note with `key`; signatures by others are ignored.
    pub fn verified_by(&self, name: &str, key: &PublicKey) -> Result<(), NoteError> {
        let key_id = key_id(key)?;
        let mut ours = self.signatures.iter().filter(|line| line.name == name && line.key_id == key_id).peekable();
        if ours.peek().is_none() {
            return Err(NoteError::Unsigned { name: name.to_owned(), key_id });
        }
        for line in ours {
            key.verify(self.text.as_bytes(), &line.signature).map_err(|_| NoteError::BadSignature(name.to_owned()))?;
        }
        Ok(())
    }
}

impl NoteSignature {
    fn parse(line: &str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
        let decoded = STANDARD.decode(encoded).ok()?;
        let (key_id, signature) = decoded.split_first_chunk::<4>()?;
        if !is_key_name(name) || signature.is_empty() {
            return None;
        }
        Some(Self { name: name.to_owned(), key_id: *key_id, signature: signature.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{SignatureAlgorithm, SigningKey};

    fn key() -> SigningKey {
        SigningKey::generate(SignatureAlgorithm::EcdsaP256Sha256).expect("generates")
    }

    #[test]
    fn a_note_is_read_back_and_is_its_signers_alone() {
        let (ours, theirs) = (key(), key());
        let signed = sign("a\n\nb\n", "log.example", &ours).expect("signs");
        let note = Note::parse(&signed).expect("parses");
        assert_eq!(note.text(), "a\n\nb\n");
        assert_eq!(note.verified_by("log.example", ours.public_key()), Ok(()));
        assert!(matches!(note.verified_by("other.example", ours.public_key()), Err(NoteError::Unsigned { .. })));
        assert!(matches!(note.verified_by("log.example", theirs.public_key()), Err(NoteError::Unsigned { .. })));
        let forged = Note::parse(&signed.replacen('a', "c", 1)).expect("parses");
        assert_eq!(
            forged.verified_by("log.example", ours.public_key()),
            Err(NoteError::BadSignature("log.example".to_owned()))
        );
    }

    #[test]
    fn other_signatures_may_stand_beside_ours() {
        let (ours, theirs) = (key(), key());
        let signed = sign("text\n", "log.example", &ours).expect("signs");
        let witness = sign("text\n", "witness.example", &theirs).expect("signs");
        let both = format!("{signed}{}", witness.strip_prefix("text\n\n").expect("same text"));
        assert_eq!(Note::parse(&both).expect("parses").verified_by("log.example", ours.public_key()), Ok(()));
    }

    #[test]
    fn what_is_not_a_note_is_refused() {
        for (bad, why) in [
            ("", NoteError::Shape),
            ("text\n", NoteError::Shape),
            ("text\n\n", NoteError::Shape),
            ("text\n\n\u{2014} name AAAAAAE=", NoteError::Shape),
            ("text\n\n\u{2014} name AAAAAA==\n", NoteError::Signature(0)),
            ("text\n\n\u{2014} na+me AAAAAAE=\n", NoteError::Signature(0)),
            ("text\n\n- name AAAAAAE=\n", NoteError::Signature(0)),
            ("text\n\n\u{2014} name AAAAAAE=\nmore\n", NoteError::Signature(1)),
            ("te\rxt\n\n\u{2014} name AAAAAAE=\n", NoteError::Control),
        ] {
            assert_eq!(Note::parse(bad), Err(why), "{bad:?}");
        }
        assert!(Note::parse("text\n\n\u{2014} name AAAAAAE=\n").is_ok());
        assert_eq!(Note::parse(&"a".repeat(MAX_NOTE + 1)), Err(NoteError::TooLong(MAX_NOTE + 1)));
    }
}
