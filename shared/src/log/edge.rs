//! The right edge of the tree as tiles: the partial tiles, in memory, and those that leave it when they are full.

use super::growth::{Frontier, Growth};
use super::merkle::{self, Hash};
use super::tile::{MAX_LEVEL, TileKind, TilePath, WIDTH};

/// The partial tiles of a tree: at most 255 hashes a level, and the entries under the lowest.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct RightEdge {
    size: u64,
    levels: Vec<Vec<Hash>>,
    entries: Vec<u8>,
}

/// A tile that became full.
pub(super) type Completed = (TilePath, Vec<u8>);

/// The pieces of an edge do not fit together.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the right edge of the tree contradicts itself")]
pub struct EdgeError;

impl RightEdge {
    /// The edge of the empty tree.
    pub(super) fn empty() -> Self {
        Self { size: 0, levels: vec![Vec::new(); MAX_LEVEL as usize + 1], entries: Vec::new() }
    }

    /// Puts a saved edge together, and checks that each level has the hashes that `size` asks for and that the entries
    /// hash to the lowest of them. The root is for the caller to compare.
    pub(super) fn restore(size: u64, levels: Vec<Vec<Hash>>, entries: Vec<u8>) -> Result<Self, EdgeError> {
        let fits = levels.len() == MAX_LEVEL as usize + 1
            && levels.iter().zip(0..).all(|(hashes, level)| hashes.len() as u64 == (size >> (8 * level)) % WIDTH);
        if !fits {
            return Err(EdgeError);
        }
        let mut hashes = levels[0].iter();
        for entry in Entries(&entries) {
            if hashes.next() != Some(&merkle::leaf_hash(entry.ok_or(EdgeError)?)) {
                return Err(EdgeError);
            }
        }
        if hashes.next().is_some() {
            return Err(EdgeError);
        }
        Ok(Self { size, levels, entries })
    }

    /// How many leaves the tree has.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// The hashes at a level's partial tile.
    pub(super) fn level(&self, level: u8) -> &[Hash] {
        self.levels.get(level as usize).map_or(&[], Vec::as_slice)
    }

    /// The partial entry bundle.
    pub(super) fn entries(&self) -> &[u8] {
        &self.entries
    }

    /// The complete subtrees that the tree falls into.
    pub(super) fn frontier(&self) -> Frontier {
        Frontier::from_peaks(self.size, |height| {
            let hashes = &self.levels[height as usize / 8];
            let within = height % 8;
            // The peaks inside a tile lie side by side, larger ones first.
            let first = (hashes.len() >> within >> 1) << within << 1;
            merkle::complete_root(&hashes[first..first + (1 << within)])
        })
    }

    /// Takes in what a batch added: its nodes, and its leaves in bundle form. Returns the tiles that became full.
    pub(super) fn grow(&mut self, growth: &Growth, payload: &[u8]) -> Vec<Completed> {
        debug_assert_eq!(self.size, growth.from());
        let mut completed = self.grow_entries(growth, payload);
        for level in 0..=MAX_LEVEL {
            let mut index = (self.size >> (8 * level as u32)) / WIDTH;
            let hashes = &mut self.levels[level as usize];
            for hash in growth.fresh(8 * level as u32) {
                hashes.push(*hash);
                if hashes.len() as u64 == WIDTH {
                    completed.push((TilePath::full(TileKind::Level(level), index), hashes.concat()));
                    hashes.clear();
                    index += 1;
                }
            }
        }
        self.size = growth.to();
        completed
    }

    fn grow_entries(&mut self, growth: &Growth, payload: &[u8]) -> Vec<Completed> {
        let mut completed = Vec::new();
        let (mut index, mut rest) = (growth.from(), payload);
        while index / WIDTH < growth.to() / WIDTH {
            let missing = WIDTH - index % WIDTH;
            let (filling, after) = rest.split_at(bundle_prefix(rest, missing).unwrap_or(rest.len()));
            let mut bundle = std::mem::take(&mut self.entries);
            bundle.extend_from_slice(filling);
            completed.push((TilePath::full(TileKind::Entries, index / WIDTH), bundle));
            rest = after;
            index += missing;
        }
        self.entries.extend_from_slice(rest);
        completed
    }

    /// The bytes of a partial tile at the edge, or of the beginning of one, if the tree has it.
    pub(super) fn partial(&self, path: TilePath) -> Option<Vec<u8>> {
        let width = path.width? as u64;
        let hashes = self.size >> (8 * path.kind.level() as u32);
        if path.index != hashes / WIDTH || width > hashes % WIDTH {
            return None;
        }
        match path.kind {
            TileKind::Entries => bundle_prefix(&self.entries, width).map(|end| self.entries[..end].to_vec()),
            TileKind::Level(level) => Some(self.levels[level as usize][..width as usize].concat()),
        }
    }
}

/// The entries of a bundle, in order; `None` where its bytes make no sense, and then nothing more.
pub struct Entries<'a>(pub &'a [u8]);

impl<'a> Iterator for Entries<'a> {
    type Item = Option<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let entry = self.0.split_first_chunk::<2>().and_then(|(length, rest)| {
            let length = u16::from_be_bytes(*length) as usize;
            (length <= rest.len()).then(|| rest.split_at(length))
        });
        self.0 = entry.map_or(&[], |(_, rest)| rest);
        Some(entry.map(|(entry, _)| entry))
    }
}

/// How many bytes the first `count` entries of a bundle take.
pub(super) fn bundle_prefix(bundle: &[u8], count: u64) -> Option<usize> {
    let mut entries = Entries(bundle);
    for _ in 0..count {
        entries.next()??;
    }
    Some(bundle.len() - entries.0.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::tile;

    fn batch(from: u64, to: u64) -> (Vec<Hash>, Vec<u8>) {
        let leaves: Vec<Vec<u8>> = (from..to).map(|n| n.to_string().into_bytes()).collect();
        let payload = leaves.iter().flat_map(|leaf| [&(leaf.len() as u16).to_be_bytes(), &leaf[..]].concat()).collect();
        (leaves.iter().map(|leaf| merkle::leaf_hash(leaf)).collect(), payload)
    }

    #[test]
    fn an_edge_grown_in_batches_is_the_edge_of_the_whole_tree() {
        let (all, bundle) = batch(0, 70_000);
        let mut edge = RightEdge::empty();
        let mut tiles = std::collections::BTreeMap::new();
        let sizes = [0, 1, 2, 255, 256, 257, 511, 512, 1500, 1536, 65_535, 65_536, 65_537, 70_000];
        for pair in sizes.windows(2) {
            let (hashes, payload) = batch(pair[0], pair[1]);
            let frontier = edge.frontier();
            assert_eq!(frontier.root(), merkle::root(&all[..], pair[0]).expect("memory"));
            let growth = Growth::new(&frontier, hashes);
            tiles.extend(edge.grow(&growth, &payload));
            assert_eq!(edge.frontier(), growth.frontier());
            let restored = RightEdge::restore(pair[1], edge.levels.clone(), edge.entries.clone());
            assert_eq!(restored.as_ref(), Ok(&edge));
        }
        for path in tile::partials(70_000) {
            tiles.insert(path, edge.partial(path).expect("at the edge"));
        }
        for (path, bytes) in &tiles {
            match path.kind {
                TileKind::Entries => {
                    let first = (path.index * WIDTH) as usize;
                    let from = bundle_prefix(&bundle, first as u64).expect("whole");
                    assert!(bundle[from..].starts_with(bytes));
                    assert_eq!(Entries(bytes).count(), path.width.map_or(256, usize::from));
                }
                TileKind::Level(level) => {
                    for (hash, index) in bytes.chunks(32).zip(path.index * WIDTH..) {
                        let node = merkle::Nodes::node(&all[..], 8 * level as u32, index);
                        assert_eq!(node.as_ref().map(<[u8; 32]>::as_slice), Ok(hash));
                    }
                }
            }
        }
        assert_eq!(tiles.len(), 273 * 2 + 1 + 4);
    }

    #[test]
    fn an_edge_that_contradicts_itself_is_refused() {
        let (hashes, payload) = batch(0, 3);
        let mut levels = vec![Vec::new(); MAX_LEVEL as usize + 1];
        levels[0] = hashes.clone();
        assert!(RightEdge::restore(3, levels.clone(), payload.clone()).is_ok());
        assert_eq!(RightEdge::restore(4, levels.clone(), payload.clone()), Err(EdgeError));
        assert_eq!(RightEdge::restore(3, levels.clone(), payload[..payload.len() - 1].to_vec()), Err(EdgeError));
        assert_eq!(RightEdge::restore(3, levels.clone(), [&payload[..], &[0, 1, 0]].concat()), Err(EdgeError));
        levels[0][1][0] ^= 1;
        assert_eq!(RightEdge::restore(3, levels, payload), Err(EdgeError));
    }
}
