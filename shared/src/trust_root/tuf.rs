//! The TUF repository (The Update Framework 1.0): how clients fetch the trust documents and notice that they changed.
//!
//! `prepare` says what has to be signed now, if anything; `MetadataDraft::sign` signs it, once the audit log has the
//! draft's record. One ECDSA P-256 key a role, threshold 1, consistent snapshots. All four keys are in the instance's
//! hands today; the layout lets root and targets move offline later, since only a change of documents or keys, or a
//! year, needs them. `reader` walks a repository as a client does.

pub mod draft;
pub mod metadata;
pub mod reader;
pub mod repository;

pub use draft::{Lifetimes, MetadataDraft, RoleSigners, TargetFile, prepare, target_files};
pub use metadata::TufError;
pub use repository::Repository;

#[cfg(test)]
mod tests;
