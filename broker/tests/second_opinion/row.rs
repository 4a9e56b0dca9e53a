//! A token with two verdicts.

use broker::names::Rule;

/// What a verifier says of a token.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Ours {
    Takes,
    Refuses(Rule),
    /// No key of this `kid`: after one refresh of the set, a refusal.
    NeedsKeys,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Theirs {
    Takes,
    Refuses(&'static str),
    /// The caller finds no key for it, so the library is not asked.
    NoKey,
}

pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// What is sent when it is this many seconds since the epoch.
    pub(crate) token: Box<dyn Fn(u64) -> String>,
    pub(crate) ours: Ours,
    pub(crate) theirs: Theirs,
    pub(crate) reason: &'static str,
}

pub(crate) fn row(
    name: &'static str,
    token: impl Fn(u64) -> String + 'static,
    ours: Ours,
    theirs: Theirs,
    reason: &'static str,
) -> Row {
    Row { name, token: Box::new(token), ours, theirs, reason }
}
