//! The head of a segment: all that is needed to go on from it without the segments before.
//!
//! ```text
//! magic 8 | head length u32 | size u64
//! origin length u16 | origin | note length u16 | signed checkpoint at that size
//! eight levels: hashes u16 ‖ 32 bytes each | entries length u32 | entries of the partial bundle
//! seal 32: SHA-256 of everything before
//! zeroes up to a multiple of 8
//! ```

use super::checkpoint::{CheckpointError, Origin, SignedCheckpoint};
use super::edge::{EdgeError, RightEdge};
use super::frame::Fields;
use super::tile::MAX_LEVEL;
use crate::digest::sha256;
use crate::keys::PublicKey;

const MAGIC: [u8; 8] = *b"PSSEGMT1";

/// What a segment starts from.
#[derive(Debug)]
pub(super) struct SegmentHead {
    /// The tree at its beginning.
    pub edge: RightEdge,
    /// The signed checkpoint at its beginning.
    pub checkpoint: String,
    /// Where the first batch stands.
    pub length: usize,
}

/// Why a segment's head is not valid. A head is durable before its segment has a name, so a crash explains none of
/// these.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// Cut, or damaged, or another format.
    #[error("its head is damaged or not in this format")]
    Head,
    /// Another log's segment.
    #[error("it belongs to another log, {0:?}")]
    Origin(String),
    /// Its tree is not of the size that its name says.
    #[error("it begins at size {0}, which is not what its name says")]
    Size(u64),
    /// The saved edge is not one of a tree.
    #[error(transparent)]
    Edge(#[from] EdgeError),
    /// The checkpoint is not ours.
    #[error("its checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The checkpoint is of another tree than the edge.
    #[error("its checkpoint is of another tree")]
    Tree,
}

/// The bytes of a head.
pub(super) fn encode(origin: &Origin, edge: &RightEdge, checkpoint: &str) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend([0; 4]);
    bytes.extend(edge.size().to_be_bytes());
    for text in [origin.as_str(), checkpoint] {
        bytes.extend((text.len() as u16).to_be_bytes());
        bytes.extend(text.as_bytes());
    }
    for level in 0..=MAX_LEVEL {
        let hashes = edge.level(level);
        bytes.extend((hashes.len() as u16).to_be_bytes());
        bytes.extend(hashes.iter().flatten());
    }
    bytes.extend((edge.entries().len() as u32).to_be_bytes());
    bytes.extend(edge.entries());
    let length = (bytes.len() + 32).next_multiple_of(8);
    bytes[8..12].copy_from_slice(&(length as u32).to_be_bytes());
    bytes.extend(sha256(&bytes));
    bytes.resize(length, 0);
    bytes
}

/// Reads the head of the segment that begins at `size`, and checks it down to the signature.
pub(super) fn open(bytes: &[u8], size: u64, origin: &Origin, key: &PublicKey) -> Result<SegmentHead, SegmentError> {
    let parts = parse(bytes).ok_or(SegmentError::Head)?;
    if parts.origin != origin.as_str() {
        return Err(SegmentError::Origin(parts.origin.to_owned()));
    }
    if parts.size != size {
        return Err(SegmentError::Size(parts.size));
    }
    let edge = RightEdge::restore(parts.size, parts.levels, parts.entries.to_vec())?;
    let checkpoint = SignedCheckpoint::parse(parts.checkpoint)?.verify(key)?;
    if checkpoint.origin != *origin || checkpoint.size != size || checkpoint.root != edge.frontier().root() {
        return Err(SegmentError::Tree);
    }
    Ok(SegmentHead { edge, checkpoint: parts.checkpoint.to_owned(), length: parts.length })
}

/// The log that a segment claims to belong to. Not verified: only for choosing an origin.
pub(super) fn claimed_origin(bytes: &[u8]) -> Option<Origin> {
    Origin::parse(parse(bytes)?.origin).ok()
}

/// Where a segment's batches begin, and the entries of the bundle that it begins in.
pub(super) fn entries(bytes: &[u8]) -> Option<(usize, &[u8])> {
    parse(bytes).map(|parts| (parts.length, parts.entries))
}

struct SegmentParts<'a> {
    size: u64,
    origin: &'a str,
    checkpoint: &'a str,
    levels: Vec<Vec<[u8; 32]>>,
    entries: &'a [u8],
    length: usize,
}

fn parse(bytes: &[u8]) -> Option<SegmentParts<'_>> {
    let mut fields = Fields(bytes);
    if fields.take::<8>()? != MAGIC {
        return None;
    }
    let length = u32::from_be_bytes(fields.take()?) as usize;
    let size = u64::from_be_bytes(fields.take()?);
    let origin = text(&mut fields)?;
    let checkpoint = text(&mut fields)?;
    let mut levels = Vec::new();
    for _ in 0..=MAX_LEVEL {
        let count = u16::from_be_bytes(fields.take()?) as usize;
        levels.push(fields.slice(32 * count)?.chunks_exact(32).filter_map(|hash| hash.try_into().ok()).collect());
    }
    let entries_length = u32::from_be_bytes(fields.take()?) as usize;
    let entries = fields.slice(entries_length)?;
    let sealed = bytes.len() - fields.0.len();
    let seal = sha256(&bytes[..sealed]);
    if fields.take::<32>()? != seal || length != (sealed + 32).next_multiple_of(8) {
        return None;
    }
    Some(SegmentParts { size, origin, checkpoint, levels, entries, length })
}

fn text<'a>(fields: &mut Fields<'a>) -> Option<&'a str> {
    let length = u16::from_be_bytes(fields.take()?) as usize;
    std::str::from_utf8(fields.slice(length)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{SignatureAlgorithm, Signer, SigningKey};
    use crate::log::checkpoint::Checkpoint;
    use crate::log::growth::Growth;
    use crate::log::merkle;

    #[test]
    fn a_head_is_read_back_and_checked_down_to_the_signature() {
        let key = SigningKey::generate(SignatureAlgorithm::EcdsaP256Sha256).expect("generates");
        let other = SigningKey::generate(SignatureAlgorithm::EcdsaP256Sha256).expect("generates");
        let (origin, elsewhere) = (Origin::parse("log.example").expect("name"), Origin::parse("b").expect("name"));
        let mut edge = RightEdge::empty();
        let hashes = vec![merkle::leaf_hash(b"x"); 300];
        let growth = Growth::new(&edge.frontier(), hashes);
        edge.grow(&growth, &b"\x00\x01x".repeat(300));
        let sign = |root| Checkpoint { origin: origin.clone(), size: 300, root }.sign(&key).expect("signs");
        let bytes = encode(&origin, &edge, &sign(growth.root()));
        let public = key.public_key();
        let head = open(&[&bytes[..], b"frames"].concat(), 300, &origin, public).expect("reads");
        assert_eq!((&head.edge, head.length), (&edge, bytes.len()));
        assert_eq!(claimed_origin(&bytes), Some(origin.clone()));
        assert!(matches!(open(&bytes, 301, &origin, public), Err(SegmentError::Size(300))));
        assert!(matches!(open(&bytes, 300, &elsewhere, public), Err(SegmentError::Origin(_))));
        assert!(matches!(open(&bytes, 300, &origin, other.public_key()), Err(SegmentError::Checkpoint(_))));
        let untrue = encode(&origin, &edge, &sign([0; 32]));
        assert!(matches!(open(&untrue, 300, &origin, public), Err(SegmentError::Tree)));
        for at in (0..bytes.len() - 8).step_by(7) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert!(open(&damaged, 300, &origin, public).is_err(), "{at}");
        }
    }
}
