//! The log's formats: notes, checkpoints, tile names, bundles of entries.

use std::sync::LazyLock;

use shared::keys::{SignatureAlgorithm, SigningKey};
use shared::log::note::{self, Note};
use shared::log::{Checkpoint, Entries, Origin, SignedCheckpoint, TilePath};

static KEY: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::generate(SignatureAlgorithm::EcdsaP256Sha256).expect("a key"));

fn public() -> &'static shared::keys::PublicKey {
    use shared::keys::Signer as _;
    KEY.public_key()
}

/// A note's text is the beginning of the note; no note from outside is signed by our key; what we sign of any text is a
/// note.
pub fn signed_note(bytes: &[u8]) {
    let Some(text) = crate::text(bytes) else { return };
    if let Ok(note) = Note::parse(text) {
        assert!(text.starts_with(note.text()) && note.text().ends_with('\n'));
        assert!(note.verified_by("log.example", public()).is_err());
        // The same text under our own signature is a note again, with that text.
        let ours = note::sign(note.text(), "log.example", &*KEY).expect("signs");
        let again = Note::parse(&ours).expect("our own note");
        assert_eq!(again.text(), note.text());
        assert!(again.verified_by("log.example", public()).is_ok());
    }
}

/// A checkpoint that is read says what it said; no other key signs ours.
pub fn checkpoint(bytes: &[u8]) {
    let Some(text) = crate::text(bytes) else { return };
    if let Ok(origin) = Origin::parse(text) {
        assert_eq!(origin.as_str(), text);
        let ours = Checkpoint { origin: origin.clone(), size: bytes.len() as u64, root: [7; 32] };
        let signed = SignedCheckpoint::parse(&ours.sign(&*KEY).expect("signs")).expect("our own checkpoint");
        assert_eq!(signed.claimed_origin(), &origin);
        assert!(signed.claims(ours.size, &ours.root));
        assert_eq!(signed.verify(public()).as_ref(), Ok(&ours));
    }
    if let Ok(signed) = SignedCheckpoint::parse(text) {
        assert!(text.starts_with(signed.claimed_origin().as_str()));
        assert!(signed.verify(public()).is_err());
    }
}

/// One name has one spelling, and none leads out of its folder.
pub fn tile_path(bytes: &[u8]) {
    let Some(text) = crate::text(bytes) else { return };
    let Some(path) = TilePath::parse(text) else { return };
    assert_eq!(path.to_string(), text);
    assert!(text.starts_with("tile/") && !text.contains("..") && !text.contains("//"));
}

/// Entries of a bundle lie in it one after the other; a wrong length ends it.
pub fn entry_bundle(bytes: &[u8]) {
    let mut at = 0;
    let mut entries = Entries(bytes);
    for entry in entries.by_ref() {
        let Some(entry) = entry else { break };
        assert_eq!(&bytes[at + 2..at + 2 + entry.len()], entry);
        at += 2 + entry.len();
    }
    assert!(at <= bytes.len());
}
