//! A tree grows by a batch: everything that the batch changes, computed with about one hash a leaf.

use super::merkle::{self, Hash};

/// The roots of the complete subtrees that a tree of `size` leaves falls into, largest first in the tree, kept by
/// height: one for each set bit of `size`. With them a tree can grow without its leaves.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Frontier {
    size: u64,
    peaks: [Hash; 64],
}

impl Frontier {
    /// The empty tree.
    pub(super) fn empty() -> Self {
        Self { size: 0, peaks: [[0; 32]; 64] }
    }

    /// The tree of `size` leaves whose complete subtree at height `k` is `peak(k)`, asked for each set bit `k` of
    /// `size`.
    pub(super) fn from_peaks(size: u64, mut peak: impl FnMut(u32) -> Hash) -> Self {
        let mut frontier = Self { size, ..Self::empty() };
        for height in (0..64).filter(|height| size >> height & 1 == 1) {
            frontier.peaks[height as usize] = peak(height);
        }
        frontier
    }

    /// How many leaves the tree has.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree.
    pub(super) fn root(&self) -> Hash {
        let mut set = (0..64).filter(|height| self.size >> height & 1 == 1).map(|height| self.peaks[height]);
        let Some(lowest) = set.next() else { return merkle::empty_root() };
        set.fold(lowest, |right, left| merkle::node_hash(&left, &right))
    }
}

/// The complete nodes of one height that a batch made, after the one left of them that they pair with.
struct Row {
    /// Index of `nodes[0]` within its height; always even.
    first: u64,
    nodes: Vec<Hash>,
}

/// What appending a batch did to a tree: the new nodes at every height, the new root, and the audit path of every new
/// leaf.
pub(super) struct Growth {
    from: u64,
    to: u64,
    rows: Vec<Row>,
    /// At height `k`, the root of the incomplete subtree at the right edge, if it has leaves.
    edges: Vec<Option<Hash>>,
}

impl Growth {
    /// Appends `leaves` to the tree behind `frontier`.
    pub(super) fn new(frontier: &Frontier, leaves: Vec<Hash>) -> Self {
        let from = frontier.size;
        let to = from + leaves.len() as u64;
        let height = 64 - to.leading_zeros();
        let mut rows: Vec<Row> = Vec::with_capacity(height as usize);
        let mut edges = Vec::with_capacity(height as usize + 1);
        edges.push(None);
        let mut fresh = leaves;
        for k in 0..height {
            let row = Row::new(frontier, k, fresh);
            fresh = row.nodes.chunks_exact(2).map(|pair| merkle::node_hash(&pair[0], &pair[1])).collect();
            edges.push(match (to >> k & 1 == 1, edges[k as usize]) {
                (true, None) => row.nodes.last().copied(),
                (true, Some(edge)) => row.nodes.last().map(|left| merkle::node_hash(left, &edge)),
                (false, edge) => edge,
            });
            rows.push(row);
        }
        Self { from, to, rows, edges }
    }

    /// Size of the tree before.
    pub(super) fn from(&self) -> u64 {
        self.from
    }

    /// Size of the tree after.
    pub(super) fn to(&self) -> u64 {
        self.to
    }

    /// Root of the tree after.
    pub(super) fn root(&self) -> Hash {
        self.edges.last().copied().flatten().unwrap_or_else(merkle::empty_root)
    }

    /// The complete nodes at `height` that the batch made, in order.
    pub(super) fn fresh(&self, height: u32) -> &[Hash] {
        self.rows.get(height as usize).map_or(&[], |row| {
            let old = (self.from >> height) - row.first;
            &row.nodes[old as usize..]
        })
    }

    /// The tree after, ready to grow again.
    pub(super) fn frontier(&self) -> Frontier {
        Frontier::from_peaks(self.to, |height| {
            let row = &self.rows[height as usize];
            row.nodes[((self.to >> height) - 1 - row.first) as usize]
        })
    }

    /// The audit path of a leaf of this batch in the tree after it (RFC 6962 §2.1.1).
    pub(super) fn inclusion_proof(&self, index: u64) -> Vec<Hash> {
        debug_assert!((self.from..self.to).contains(&index));
        let mut path = Vec::with_capacity(self.rows.len());
        for (k, row) in self.rows.iter().enumerate() {
            let sibling = (index >> k) ^ 1;
            let complete = self.to >> k;
            if sibling < complete {
                path.push(row.nodes[(sibling - row.first) as usize]);
            } else if sibling == complete {
                path.extend(self.edges[k]);
            }
        }
        path
    }
}

impl Row {
    fn new(frontier: &Frontier, height: u32, fresh: Vec<Hash>) -> Self {
        let first = frontier.size >> height;
        if first & 1 == 0 {
            return Self { first, nodes: fresh };
        }
        // The last node of the tree before has no partner yet: a frontier peak, since the bit is set.
        let mut nodes = Vec::with_capacity(fresh.len() + 1);
        nodes.push(frontier.peaks[height as usize]);
        nodes.extend_from_slice(&fresh);
        Self { first: first - 1, nodes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn leaves(count: u64) -> Vec<Hash> {
        (0..count).map(|n| merkle::leaf_hash(&n.to_be_bytes())).collect()
    }

    fn check(from: u64, to: u64) {
        let all = leaves(to);
        let before = Growth::new(&Frontier::empty(), all[..from as usize].to_vec()).frontier();
        assert_eq!(before.root(), merkle::root(&all[..], from).expect("memory"));
        let growth = Growth::new(&before, all[from as usize..].to_vec());
        let root = merkle::root(&all[..], to).expect("memory");
        assert_eq!(growth.root(), root, "{from} to {to}");
        assert_eq!(growth.frontier().root(), root);
        for index in from..to {
            let path = growth.inclusion_proof(index);
            assert_eq!(Some(&path), merkle::inclusion_proof(&all[..], index, to).expect("memory").as_ref());
            assert_eq!(merkle::verify_inclusion(&all[index as usize], index, to, &path, &root), Ok(()));
        }
        for height in 0..10 {
            let fresh = growth.fresh(height);
            for (offset, node) in fresh.iter().enumerate() {
                let index = (from >> height) + offset as u64;
                assert_eq!(*node, merkle::Nodes::node(&all[..], height, index).expect("memory"));
            }
            assert_eq!(fresh.len() as u64, (to >> height) - (from >> height));
        }
    }

    #[test]
    fn small_trees_grow_as_the_definition_says() {
        for from in 0..34 {
            for to in from..34 {
                check(from, to);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_tree_grows_as_the_definition_says(from in 0u64..700, by in 0u64..300) {
            check(from, from + by);
        }
    }
}
