//! Grants of URIs and SPIFFE IDs, as a tree of path segments below each authority.

use std::collections::HashMap;

use super::holdings::{AsserterIndex, Holding, Holdings};
use crate::names::{SpiffeId, SpiffePrefix, UriName};

/// What a tree is asked about: an authority (`https://host:port`, or `spiffe://` and a trust domain) and a path below
/// it.
#[derive(Clone, Copy, Debug)]
pub(super) struct UriPlace<'a> {
    authority: &'a str,
    path: &'a str,
}

impl<'a> From<&'a UriName> for UriPlace<'a> {
    fn from(name: &'a UriName) -> Self {
        Self { authority: name.authority(), path: name.path() }
    }
}

impl<'a> From<&'a SpiffeId> for UriPlace<'a> {
    fn from(id: &'a SpiffeId) -> Self {
        Self { authority: id.trust_domain().as_str(), path: id.path() }
    }
}

impl<'a> From<&'a SpiffePrefix> for UriPlace<'a> {
    fn from(prefix: &'a SpiffePrefix) -> Self {
        Self { authority: prefix.trust_domain().as_str(), path: prefix.path() }
    }
}

/// The authority, then one node for each path segment. A look-up walks the name's own segments, independent of what
/// else is stored. A tree holds URIs or SPIFFE IDs, never both.
#[derive(Debug, Default)]
pub(super) struct UriIndex {
    roots: HashMap<Box<str>, usize>,
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    children: HashMap<Box<str>, usize>,
    /// Prefixes that end here: they cover this point and all below it.
    here: Holdings,
    /// Prefixes that end here with a slash: they cover only what is below.
    below: Holdings,
}

impl UriIndex {
    pub(super) fn add<'a>(&mut self, prefix: impl Into<UriPlace<'a>>, held: Holding) {
        let UriPlace { authority, path } = prefix.into();
        let mut node = match self.roots.get(authority) {
            Some(&root) => root,
            None => {
                let root = self.new_node();
                self.roots.insert(authority.into(), root);
                root
            }
        };
        let (path, below_only) = match path.strip_suffix('/') {
            Some(path) => (path, true),
            None => (path, false),
        };
        for segment in segments(path) {
            node = match self.nodes[node].children.get(segment) {
                Some(&child) => child,
                None => {
                    let child = self.new_node();
                    self.nodes[node].children.insert(segment.into(), child);
                    child
                }
            };
        }
        let node = &mut self.nodes[node];
        if below_only { node.below.add(held) } else { node.here.add(held) }
    }

    fn new_node(&mut self) -> usize {
        self.nodes.push(Node::default());
        self.nodes.len() - 1
    }

    pub(super) fn sort(&mut self) {
        for node in &mut self.nodes {
            node.here.sort();
            node.below.sort();
        }
    }

    /// The asserter's grant that covers the name, if it has one.
    pub(super) fn find<'a>(&'a self, asserter: AsserterIndex, name: impl Into<UriPlace<'a>>) -> Option<&'a Holding> {
        self.way(name.into()).find_map(|(node, is_last)| {
            let below = if is_last { None } else { node.below.of(asserter) };
            node.here.of(asserter).or(below)
        })
    }

    /// Every grant that shares a name with this prefix and is at least as wide.
    pub(super) fn covering_prefix<'a>(&'a self, prefix: impl Into<UriPlace<'a>>) -> impl Iterator<Item = &'a Holding> {
        self.way(prefix.into()).flat_map(|(node, _)| node.here.iter().chain(node.below.iter()))
    }

    /// The nodes on the name's way down, the last of them marked if the name ends there.
    fn way<'a>(&'a self, UriPlace { authority, path }: UriPlace<'a>) -> impl Iterator<Item = (&'a Node, bool)> {
        let mut next = self.roots.get(authority).map(|&root| &self.nodes[root]);
        let mut segments = segments(path);
        std::iter::from_fn(move || {
            let node = next.take()?;
            let segment = segments.next();
            next = segment.and_then(|segment| node.children.get(segment)).map(|&child| &self.nodes[child]);
            Some((node, segment.is_none()))
        })
    }
}

/// The segments of a path; the empty one at the end is a trailing slash.
fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.strip_prefix('/').into_iter().flat_map(|rest| rest.split('/'))
}
