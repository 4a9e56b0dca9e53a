//! What is published of trust: the TUF repository and the documents beside it.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use shared::digest::sha256;

/// What clients fetch to trust the instance, as it is now. Swapped whole, so that a client never sees half of a change.
pub(crate) struct PublishedTrust {
    files: ArcSwap<PublishedFiles>,
}

/// All files, by the path under the origin without its first slash.
#[derive(Debug, Default)]
pub(crate) struct PublishedFiles(HashMap<String, PublishedFile>);

/// One file.
#[derive(Clone, Debug)]
pub(crate) struct PublishedFile {
    pub(crate) bytes: Bytes,
    /// Another one for other bytes: the entity tag of RFC 9110 §8.8.3, in its quotes.
    pub(crate) etag: String,
}

impl PublishedFiles {
    /// Adds a file.
    pub(crate) fn insert(&mut self, path: String, bytes: &[u8]) {
        let etag = format!("\"{}\"", hex::encode(&sha256(bytes)[..16]));
        let file = PublishedFile { bytes: Bytes::copy_from_slice(bytes), etag };
        self.0.insert(path, file);
    }

    /// The file at `path`.
    pub(crate) fn get(&self, path: &str) -> Option<&PublishedFile> {
        self.0.get(path)
    }

    /// Keeps answering what `before` answered and this does not: a client that is in the middle of an update still
    /// finds the versions that the timestamp which it holds has named.
    pub(crate) fn keep_from(&mut self, before: &Self) {
        for (path, file) in &before.0 {
            self.0.entry(path.clone()).or_insert_with(|| file.clone());
        }
    }
}

impl PublishedTrust {
    pub(crate) fn new(files: PublishedFiles) -> Self {
        Self { files: ArcSwap::from_pointee(files) }
    }

    /// What is published now.
    pub(crate) fn files(&self) -> Arc<PublishedFiles> {
        self.files.load_full()
    }

    /// Publishes something else from now on.
    pub(crate) fn publish(&self, files: PublishedFiles) {
        self.files.store(Arc::new(files));
    }
}
