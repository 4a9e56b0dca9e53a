//! Reading a log: tiles from memory at the right edge, from files elsewhere, and from the segments when a file is
//! missing.

use std::io;

use super::committer::{Shared, is_whole};
use super::edge::{Entries, bundle_prefix};
use super::frame::Frame;
use super::merkle::{self, Hash, Nodes};
use super::segment;
use super::storage::Storage;
use super::tile::{self, TileKind, TilePath, WIDTH};

/// A part of the log could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The disk failed.
    #[error("the log's files cannot be read: {0}")]
    Disk(#[from] io::Error),
    /// Neither a file nor the segments hold a tile that the tree has.
    #[error("{0} is missing and cannot be made again from the segments")]
    Missing(TilePath),
}

impl Shared {
    /// A tile's bytes; `None` when the tree has no such tile (yet). A partial tile is the beginning of what there is.
    pub(super) fn tile(&self, path: TilePath) -> Result<Option<Vec<u8>>, ReadError> {
        let wanted = path.width.map_or(WIDTH, u64::from);
        let full = TilePath::full(path.kind, path.index);
        {
            let view = self.view();
            let width = tile::width_in(path.kind, path.index, view.edge.size());
            if wanted > width {
                return Ok(None);
            }
            if width < WIDTH {
                return Ok(view.edge.partial(path));
            }
            if let Some(tile) = view.unpublished.iter().find(|tile| tile.0 == full) {
                return Ok(Some(cut(path, tile.1.clone())));
            }
        }
        Ok(Some(cut(path, full_tile(&*self.storage, full)?)))
    }

    /// One leaf.
    pub(super) fn leaf(&self, index: u64) -> Result<Option<Vec<u8>>, ReadError> {
        let size = self.view().edge.size();
        let bundle = index / WIDTH;
        let width = tile::width_in(TileKind::Entries, bundle, size);
        let path = TilePath { kind: TileKind::Entries, index: bundle, width: u8::try_from(width).ok() };
        if index >= size {
            return Ok(None);
        }
        let bytes = self.tile(path)?.ok_or(ReadError::Missing(path))?;
        let leaf = Entries(&bytes).nth((index % WIDTH) as usize).flatten().map(<[u8]>::to_vec);
        leaf.map(Some).ok_or(ReadError::Missing(path))
    }
}

fn cut(path: TilePath, mut bytes: Vec<u8>) -> Vec<u8> {
    if let Some(width) = path.width {
        let end = match path.kind {
            TileKind::Entries => bundle_prefix(&bytes, width as u64).unwrap_or(bytes.len()),
            TileKind::Level(_) => 32 * width as usize,
        };
        bytes.truncate(end);
    }
    bytes
}

/// A full tile that the tree has, from its file or, failing that, made again and published.
fn full_tile(storage: &dyn Storage, path: TilePath) -> Result<Vec<u8>, ReadError> {
    if let Some(bytes) = storage.published(&path.to_string())?.filter(|bytes| is_whole(path, bytes)) {
        return Ok(bytes);
    }
    let bytes = match path.kind {
        TileKind::Entries => bundle_from_segments(storage, path)?,
        TileKind::Level(0) => {
            let bundle = full_tile(storage, TilePath::full(TileKind::Entries, path.index))?;
            Entries(&bundle).flatten().flat_map(merkle::leaf_hash).collect()
        }
        TileKind::Level(level) => {
            let mut hashes = Vec::with_capacity(32 * WIDTH as usize);
            for child in path.index * WIDTH..(path.index + 1) * WIDTH {
                hashes.extend(merkle::complete_root(&tile_hashes(storage, level - 1, child)?));
            }
            hashes
        }
    };
    if !is_whole(path, &bytes) {
        return Err(ReadError::Missing(path));
    }
    storage.publish(&path.to_string(), &bytes)?;
    Ok(bytes)
}

fn tile_hashes(storage: &dyn Storage, level: u8, index: u64) -> Result<Vec<Hash>, ReadError> {
    let bytes = full_tile(storage, TilePath::full(TileKind::Level(level), index))?;
    Ok(hashes_of(&bytes))
}

fn hashes_of(bytes: &[u8]) -> Vec<Hash> {
    bytes.chunks_exact(32).filter_map(|hash| hash.try_into().ok()).collect()
}

/// A segment's head repeats the bundle that it begins in, so that every bundle stands whole in the segment that ends
/// it.
fn bundle_from_segments(storage: &dyn Storage, path: TilePath) -> Result<Vec<u8>, ReadError> {
    let (first, last) = (path.index * WIDTH, path.index * WIDTH + WIDTH - 1);
    let segment = storage.segments()?.into_iter().rfind(|segment| *segment <= last);
    let segment = segment.ok_or(ReadError::Missing(path))?;
    let bytes = storage.read_segment(segment)?;
    let (mut at, entries) = segment::entries(&bytes).ok_or(ReadError::Missing(path))?;
    let mut index = segment / WIDTH * WIDTH;
    let mut bundle = Vec::new();
    let mut take = |payload: &[u8]| {
        for entry in Entries(payload).flatten() {
            if (first..=last).contains(&index) {
                bundle.extend_from_slice(&(entry.len() as u16).to_be_bytes());
                bundle.extend_from_slice(entry);
            }
            index += 1;
        }
        index <= last
    };
    let mut is_wanting = take(entries);
    while is_wanting {
        let Some(frame) = bytes.get(at..).and_then(Frame::parse) else { break };
        is_wanting = take(frame.payload);
        at += frame.length;
    }
    Ok(bundle)
}

/// The tree's nodes, read from its tiles.
pub(super) struct TileNodes<'a>(pub(super) &'a Shared);

impl Nodes for TileNodes<'_> {
    type Error = ReadError;

    fn node(&self, height: u32, index: u64) -> Result<Hash, ReadError> {
        let (level, within) = ((height / 8) as u8, height % 8);
        let first = index << within;
        let last = (first + (1 << within) - 1) % WIDTH;
        // The narrowest tile that holds the node, so that it may lie at the edge.
        let width = u8::try_from(last + 1).ok();
        let path = TilePath { kind: TileKind::Level(level), index: first / WIDTH, width };
        let bytes = self.0.tile(path)?.ok_or(ReadError::Missing(path))?;
        let hashes = hashes_of(&bytes);
        let from = (first % WIDTH) as usize;
        Ok(merkle::complete_root(&hashes[from..from + (1 << within)]))
    }
}
