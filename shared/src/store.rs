//! The store: small records that may expire, behind one trait with several engines.
//!
//! Nothing that must be kept for ever is here (that is in the logs). What is here survives a crash and a power cut once
//! `commit` or `take` has returned.
//!
//! There are no transactions with reads: a caller that decides by what it read states it as an [`Expect`], and on
//! [`StoreError::Conflict`] reads and decides again.

mod batch;
mod engine;
mod error;
pub mod memory;
pub mod sled;
mod table;

pub use self::sled::SledStore;
pub use batch::{Expect, MAX_BATCH, MAX_KEY, MAX_VALUE, StoreBatch, StoreChange};
pub use engine::{Page, Store};
pub use error::{RecordPart, StoreError};
pub use memory::MemoryStore;
pub use table::Table;
