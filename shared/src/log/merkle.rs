//! The Merkle tree of RFC 6962 §2.1 as pure functions: hashes, roots, proofs and their verification.

use crate::digest::sha256;
use aws_lc_rs::digest;

/// A node of the tree, or a root.
pub type Hash = [u8; 32];

/// `SHA-256(0x00 ‖ leaf)`: the prefix keeps a leaf from passing for an inner node.
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(&[0]);
    context.update(leaf);
    context.finish().as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// `SHA-256(0x01 ‖ left ‖ right)`.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut input = [1; 65];
    input[1..33].copy_from_slice(left);
    input[33..].copy_from_slice(right);
    sha256(&input)
}

/// The root of a tree without leaves: SHA-256 of nothing.
pub fn empty_root() -> Hash {
    sha256(&[])
}

/// Where the hashes of complete subtrees come from: `node(k, i)` covers the leaves `i·2^k` to `(i+1)·2^k`.
pub trait Nodes {
    /// Why a node cannot be had.
    type Error;

    /// The hash of a complete subtree.
    fn node(&self, height: u32, index: u64) -> Result<Hash, Self::Error>;
}

/// Leaf hashes in memory; every node is computed from them.
impl Nodes for [Hash] {
    type Error = std::convert::Infallible;

    fn node(&self, height: u32, index: u64) -> Result<Hash, Self::Error> {
        let first = (index << height) as usize;
        Ok(complete_root(&self[first..first + (1 << height)]))
    }
}

/// The root of a complete subtree: `leaves` has a power of two of them.
pub fn complete_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [only] => *only,
        _ => {
            let (left, right) = leaves.split_at(leaves.len() / 2);
            node_hash(&complete_root(left), &complete_root(right))
        }
    }
}

/// The root over the first `size` leaves (RFC 6962 §2.1, MTH).
pub fn root<N: Nodes + ?Sized>(nodes: &N, size: u64) -> Result<Hash, N::Error> {
    if size == 0 { Ok(empty_root()) } else { range_root(nodes, 0, size) }
}

/// MTH over `from..to`, where `from` is a multiple of the smallest power of two that is not less than the length.
fn range_root<N: Nodes + ?Sized>(nodes: &N, from: u64, to: u64) -> Result<Hash, N::Error> {
    let length = to - from;
    if length.is_power_of_two() {
        let height = length.trailing_zeros();
        return nodes.node(height, from >> height);
    }
    let split = from + largest_power_below(length);
    Ok(node_hash(&range_root(nodes, from, split)?, &range_root(nodes, split, to)?))
}

/// The largest power of two smaller than `length`, which is at least 2.
fn largest_power_below(length: u64) -> u64 {
    1 << (63 - (length - 1).leading_zeros())
}

/// The audit path of the leaf `index` in the tree of `size` leaves (RFC 6962 §2.1.1), from the leaf upwards. `None`
/// when the tree has no such leaf.
pub fn inclusion_proof<N: Nodes + ?Sized>(nodes: &N, index: u64, size: u64) -> Result<Option<Vec<Hash>>, N::Error> {
    if index >= size {
        return Ok(None);
    }
    let mut path = Vec::new();
    let (mut from, mut to) = (0, size);
    while to - from > 1 {
        let split = from + largest_power_below(to - from);
        if index < split {
            path.push(range_root(nodes, split, to)?);
            to = split;
        } else {
            path.push(range_root(nodes, from, split)?);
            from = split;
        }
    }
    path.reverse();
    Ok(Some(path))
}

/// The consistency proof from the tree of `old` leaves to that of `new` (RFC 6962 §2.1.2). `None` unless
/// `old` is at most `new`. Empty when the sizes are equal or `old` is 0, where there is nothing to prove.
pub fn consistency_proof<N: Nodes + ?Sized>(nodes: &N, old: u64, new: u64) -> Result<Option<Vec<Hash>>, N::Error> {
    if old > new {
        return Ok(None);
    }
    if old == 0 || old == new {
        return Ok(Some(Vec::new()));
    }
    let mut path = Vec::new();
    let (mut from, mut to) = (0, new);
    // SUBPROOF(m, D[n], b): `from` stays 0 exactly while the old root itself is a subtree on the way, which is the flag
    // b.
    while old != to {
        let split = from + largest_power_below(to - from);
        if old <= split {
            path.push(range_root(nodes, split, to)?);
            to = split;
        } else {
            path.push(range_root(nodes, from, split)?);
            from = split;
        }
    }
    if from != 0 {
        path.push(range_root(nodes, from, to)?);
    }
    path.reverse();
    Ok(Some(path))
}

/// A proof does not prove what it should.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProofError {
    /// The leaf's index is not below the tree's size, or the old tree is larger than the new.
    #[error("the proof is for {index} in a tree of {size} leaves, which cannot be")]
    Range {
        /// The index, or the old size.
        index: u64,
        /// The tree's size.
        size: u64,
    },
    /// More or fewer hashes than the sizes ask for.
    #[error("the proof has {0} hashes, which is not the number that its sizes ask for")]
    Length(usize),
    /// The hashes lead to another root.
    #[error("the proof leads to another root")]
    Root,
}

/// Checks an audit path by RFC 9162 §2.1.3.2.
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::Range { index, size });
    }
    let (mut node, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in path {
        if last == 0 {
            return Err(ProofError::Length(path.len()));
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(ProofError::Length(path.len()));
    }
    if hash == *root { Ok(()) } else { Err(ProofError::Root) }
}

/// Checks a consistency proof by RFC 9162 §2.1.4.2. The empty tree is a prefix of every tree.
pub fn verify_consistency(
    old: u64,
    old_root: &Hash,
    new: u64,
    new_root: &Hash,
    path: &[Hash],
) -> Result<(), ProofError> {
    if old > new {
        return Err(ProofError::Range { index: old, size: new });
    }
    if old == 0 || old == new {
        let same = if old == new { old_root == new_root } else { *old_root == empty_root() };
        return match (path.is_empty(), same) {
            (false, _) => Err(ProofError::Length(path.len())),
            (true, true) => Ok(()),
            (true, false) => Err(ProofError::Root),
        };
    }
    // When the old tree is complete, its root is the first node of the path and is left out of the proof.
    let (first, rest) = if old.is_power_of_two() {
        (*old_root, path)
    } else {
        let (first, rest) = path.split_first().ok_or(ProofError::Length(0))?;
        (*first, rest)
    };
    let (mut node, mut last) = (old - 1, new - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let (mut old_hash, mut new_hash) = (first, first);
    for sibling in rest {
        if last == 0 {
            return Err(ProofError::Length(path.len()));
        }
        if node & 1 == 1 || node == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(ProofError::Length(path.len()));
    }
    if old_hash == *old_root && new_hash == *new_root { Ok(()) } else { Err(ProofError::Root) }
}

#[cfg(test)]
mod tests;
