//! The embedded engine: sled 0.34, used so that what it acknowledges survives a power cut.
//!
//! As shipped it does not: `flush` ends in `sync_file_range`, which writes neither the file's size nor the device's
//! cache, and its files are created without a sync of their directory. So one thread of ours makes every change
//! (`committer`), syncs the file itself after each flush, and answers only then; sled's own background flush is off.
//! Values stay small enough ([`super::MAX_VALUE`]) never to reach sled's blob files, which nothing syncs. A store that
//! it cannot read at open is moved aside and reported, and a new one takes its place ([`SledStore::open`]).
//!
//! It holds nothing that cannot be rebuilt or made again, since sled has no repair tool.

mod committer;
mod engine;
mod open;
mod record;
mod sled_store;

pub use open::{SetAside, StoreOpenError, StoreOpenReport};
pub use sled_store::SledStore;
