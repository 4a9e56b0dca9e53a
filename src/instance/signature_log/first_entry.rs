//! The first entry of the signature log, by the instance itself.
//!
//! Go's clients write bundles in protobuf's JSON, which leaves out what is 0 or empty: the `logIndex` of the first
//! entry and the hashes of its proof in a tree of one. sigstore-python refuses a bundle without them. So index 0 is an
//! entry of the instance itself: its own name, signed with the key of the log.

use privyseal_sigstore::entry_request::Verifier;
use privyseal_sigstore::{Entry, EntryError, EntryRequest, KeyDetails, Writers};
use shared::log::{AppendError, Log};

/// Why the first entry was not written. No other entry is accepted before it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FirstEntryError {
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error(transparent)]
    Entry(#[from] EntryError),
    #[error(transparent)]
    Sign(#[from] shared::keys::SignError),
}

/// Writes the first entry if the log is empty.
pub(crate) async fn make(log: &Log) -> Result<(), FirstEntryError> {
    if log.size() > 0 {
        return Ok(());
    }
    // One line and no more, so that nothing takes it for a checkpoint, which this key signs too.
    let statement = format!("the signature log {} begins here", log.origin());
    let signature = log.signer().sign(statement.as_bytes())?;
    let key_details = KeyDetails::EcdsaP256Sha256;
    let request = EntryRequest {
        digest: aws_lc_rs::digest::digest(key_details.digest(), statement.as_bytes()).as_ref().to_vec(),
        signature,
        key_details,
        verifier: Verifier::PublicKey(log.signer().public_key().spki_der().to_vec()),
    };
    let writers = Writers { issuers: Vec::new(), allows_public_keys: true };
    log.append(Entry::verify(&request, &writers, &|_| false)?.body()).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_is_made_once() {
        let log = Log::in_memory();
        make(&log).await.expect("is made");
        make(&log).await.expect("is there");
        assert_eq!(log.size(), 1);
        let leaf = String::from_utf8(log.leaf(0).expect("reads").expect("is there")).expect("is text");
        assert!(leaf.starts_with(r#"{"apiVersion":"0.0.2","kind":"hashedrekord""#), "{leaf}");
    }
}
