//! Requests to write into the signature log.

use privyseal_sigstore::{Entry, EntryRequest, Writers};

/// What parses is checked on; with no authority of ours behind it, only a bare key's own signature makes an entry, and
/// that is JSON of at most a leaf's size.
pub fn entry_request(bytes: &[u8]) {
    let Ok(request) = EntryRequest::parse(bytes) else { return };
    let closed = Writers { issuers: Vec::new(), allows_public_keys: false };
    assert!(Entry::verify(&request, &closed, &|_| false).is_err());
    let open = Writers { issuers: Vec::new(), allows_public_keys: true };
    if let Ok(entry) = Entry::verify(&request, &open, &|_| false) {
        assert!(entry.body().len() <= shared::log::MAX_LEAF);
        assert!(serde_json::from_slice::<serde_json::Value>(entry.body()).is_ok());
    }
}
