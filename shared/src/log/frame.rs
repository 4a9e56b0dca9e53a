//! A batch as it stands in a segment.
//!
//! ```text
//! magic 8 | payload length u32 | leaves u32 | size before u64 | root before 32
//! payload: leaves, each u16 length ‖ bytes (the form of an entry bundle)
//! size after u64 | root after 32 | note length u16 | signed checkpoint
//! seal 32: SHA-256 of everything but the payload
//! zeroes up to a multiple of 8
//! ```
//!
//! Numbers are big-endian. The payload needs no checksum of its own: the root after answers for every byte of it. Size
//! and root before make the batch a compare-and-swap: it fits behind one tree only.

use aws_lc_rs::digest;

use super::edge::Entries;
use super::merkle::{self, Hash};

const MAGIC: [u8; 8] = *b"PSBATCH1";
const HEADER: usize = 8 + 4 + 4 + 8 + 32;
const SEAL: usize = 32;
/// Longest leaf: an entry bundle has 16 bits for its length.
pub const MAX_LEAF: usize = u16::MAX as usize;

/// A batch in the making. Leaves are copied to where they are written from.
pub(super) struct FrameBuilder {
    bytes: Vec<u8>,
    hashes: Vec<Hash>,
}

/// A frame whose seal is whole.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Frame<'a> {
    /// Size of the tree that it goes behind.
    pub size_before: u64,
    /// Root of that tree.
    pub root_before: Hash,
    /// The leaves, in bundle form.
    pub payload: &'a [u8],
    /// Size of the tree with its leaves.
    pub size_after: u64,
    /// Root of the tree with its leaves.
    pub root_after: Hash,
    /// The signed checkpoint over it.
    pub checkpoint: &'a str,
    /// How many bytes of the segment it takes.
    pub length: usize,
}

impl FrameBuilder {
    /// An empty batch that reuses `buffer`.
    pub(super) fn new(mut buffer: Vec<u8>) -> Self {
        buffer.clear();
        buffer.resize(HEADER, 0);
        Self { bytes: buffer, hashes: Vec::new() }
    }

    /// Adds a leaf of at most `MAX_LEAF` bytes, hashed by the caller, and says its place in the batch.
    pub(super) fn push(&mut self, leaf: &[u8], hash: Hash) -> usize {
        debug_assert!(leaf.len() <= MAX_LEAF);
        self.bytes.extend_from_slice(&(leaf.len() as u16).to_be_bytes());
        self.bytes.extend_from_slice(leaf);
        self.hashes.push(hash);
        self.hashes.len() - 1
    }

    /// How many leaves it has.
    pub(super) fn leaves(&self) -> usize {
        self.hashes.len()
    }

    /// How many bytes its leaves take.
    pub(super) fn payload_length(&self) -> usize {
        self.bytes.len() - HEADER
    }

    /// Takes the hashes out.
    pub(super) fn take_hashes(&mut self) -> Vec<Hash> {
        std::mem::take(&mut self.hashes)
    }

    /// Completes the batch: the bytes to write, and how many of them are header before the payload.
    pub(super) fn finish(mut self, before: (u64, Hash), after: (u64, Hash), checkpoint: &str) -> FinishedFrame {
        let payload = HEADER..self.bytes.len();
        let leaves = (after.0 - before.0) as u32;
        let header = &mut self.bytes[..HEADER];
        header[..8].copy_from_slice(&MAGIC);
        header[8..12].copy_from_slice(&(payload.len() as u32).to_be_bytes());
        header[12..16].copy_from_slice(&leaves.to_be_bytes());
        header[16..24].copy_from_slice(&before.0.to_be_bytes());
        header[24..].copy_from_slice(&before.1);
        self.bytes.extend_from_slice(&after.0.to_be_bytes());
        self.bytes.extend_from_slice(&after.1);
        self.bytes.extend_from_slice(&(checkpoint.len() as u16).to_be_bytes());
        self.bytes.extend_from_slice(checkpoint.as_bytes());
        let seal = seal(&self.bytes[..HEADER], &self.bytes[payload.end..]);
        self.bytes.extend_from_slice(&seal);
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        FinishedFrame { bytes: self.bytes, payload }
    }
}

/// The bytes of a batch, ready to write.
pub(super) struct FinishedFrame {
    /// All of them.
    pub bytes: Vec<u8>,
    payload: std::ops::Range<usize>,
}

impl FinishedFrame {
    /// The leaves, in bundle form.
    pub(super) fn payload(&self) -> &[u8] {
        &self.bytes[self.payload.clone()]
    }
}

/// Most bytes that a batch needs beside its leaves.
pub(super) const OVERHEAD: usize = HEADER + 8 + 32 + 2 + 1024 + SEAL + 8;

fn seal(header: &[u8], trailer: &[u8]) -> Hash {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(header);
    context.update(trailer);
    context.finish().as_ref().try_into().expect("SHA-256 has 32 bytes")
}

impl<'a> Frame<'a> {
    /// Reads the frame at the beginning of `bytes`; `None` when what stands there is not whole.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (header, rest) = bytes.split_at_checked(HEADER)?;
        let mut fields = Fields(header);
        if fields.take::<8>()? != MAGIC {
            return None;
        }
        let payload_length = u32::from_be_bytes(fields.take()?) as usize;
        let leaves = u32::from_be_bytes(fields.take()?) as u64;
        let size_before = u64::from_be_bytes(fields.take()?);
        let root_before = fields.take()?;
        let (payload, trailer) = rest.split_at_checked(payload_length)?;
        let mut fields = Fields(trailer);
        let size_after = u64::from_be_bytes(fields.take()?);
        let root_after = fields.take()?;
        let checkpoint_length = u16::from_be_bytes(fields.take()?) as usize;
        let checkpoint = fields.slice(checkpoint_length)?;
        let sealed = trailer.len() - fields.0.len();
        if fields.take::<SEAL>()? != seal(header, &trailer[..sealed]) || size_before.checked_add(leaves)? != size_after
        {
            return None;
        }
        let length = (HEADER + payload_length + sealed + SEAL).next_multiple_of(8);
        let checkpoint = std::str::from_utf8(checkpoint).ok()?;
        Some(Self { size_before, root_before, payload, size_after, root_after, checkpoint, length })
    }

    /// The hashes of its leaves; `None` when the payload does not fall into as many leaves as the header says.
    pub(super) fn leaf_hashes(&self) -> Option<Vec<Hash>> {
        let hashes: Option<Vec<Hash>> = Entries(self.payload).map(|entry| entry.map(merkle::leaf_hash)).collect();
        hashes.filter(|hashes| hashes.len() as u64 == self.size_after - self.size_before)
    }

    /// Whether a frame might begin here.
    pub(super) fn begins(bytes: &[u8]) -> bool {
        bytes.starts_with(&MAGIC)
    }
}

/// Fixed-length fields, one after the other.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*field)
    }

    pub(super) fn slice(&mut self, length: usize) -> Option<&'a [u8]> {
        let (field, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> Vec<u8> {
        let mut builder = FrameBuilder::new(vec![7; 100]);
        for leaf in [&b"one"[..], b"", b"three"] {
            builder.push(leaf, merkle::leaf_hash(leaf));
        }
        builder.finish((5, [1; 32]), (8, [2; 32]), "checkpoint").bytes
    }

    #[test]
    fn a_frame_is_read_back() {
        let bytes = frame();
        let longer = [&bytes[..], &[0; 64]].concat();
        let read = Frame::parse(&longer).expect("whole");
        assert_eq!((read.size_before, read.root_before), (5, [1; 32]));
        assert_eq!((read.size_after, read.root_after), (8, [2; 32]));
        assert_eq!(read.checkpoint, "checkpoint");
        assert_eq!(read.payload, b"\x00\x03one\x00\x00\x00\x05three");
        assert_eq!(read.length, bytes.len());
        let hashes = [&b"one"[..], b"", b"three"].map(merkle::leaf_hash);
        assert_eq!(read.leaf_hashes().as_deref(), Some(&hashes[..]));
    }

    #[test]
    fn no_part_and_no_damage_passes() {
        let bytes = frame();
        let whole = Frame::parse(&bytes).expect("whole").leaf_hashes();
        let padding = bytes.iter().rev().take_while(|byte| **byte == 0).count();
        for length in 0..bytes.len() - padding {
            assert_eq!(Frame::parse(&bytes[..length]), None, "{length}");
        }
        for at in 0..bytes.len() - padding {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            let passes = Frame::parse(&damaged).is_some_and(|frame| frame.leaf_hashes() == whole);
            assert!(!passes, "{at}");
        }
    }
}
