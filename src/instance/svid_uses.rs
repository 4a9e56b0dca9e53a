//! How often SVIDs are used: rules J6 and J7.
//!
//! SPIRE's agents hand out one JWT-SVID until half its life is over, so by default it may be used again, at a rate that
//! is counted for each SPIFFE ID. Where a record says that an SVID counts once, the store remembers it for as long as
//! it lives, through a restart and a crash. Only what was verified is counted, so that nobody else can use up an
//! identity's rate or fill the store.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use broker::svid::{SvidUse, UseError};
use shared::digest::sha256;
use shared::store::{Store, StoreBatch, StoreError, Table};
use shared::time::UnixTime;

/// The most identities that are counted at a time. When there are more, those that were not used lately are forgotten.
const MAX_COUNTED: usize = 100_000;

/// Why a use of an SVID is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SvidUseError {
    #[error(transparent)]
    Use(#[from] UseError),
    #[error("the store could not record the use of an SVID: {0}")]
    Store(StoreError),
    #[error("recording the use of an SVID was interrupted")]
    Ended,
}

/// Counts uses. One for the whole instance, whatever snapshot is in force.
pub(crate) struct SvidUses {
    store: Arc<dyn Store>,
    buckets: Mutex<HashMap<String, Bucket>>,
}

/// A bucket of a minute's uses that fills as time goes by.
struct Bucket {
    /// Uses left, in sixtieth thousandths: a use a minute comes back in one a millisecond.
    left: u64,
    at: UnixTime,
}

/// One use, in the unit of [`Bucket::left`].
const ONE: u64 = 60_000;

impl SvidUses {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, buckets: Mutex::default() }
    }

    /// Counts a use, or says why there is none. An SVID that counts once is durably used when this returns.
    pub(crate) async fn admit(&self, svid: &SvidUse, now: UnixTime) -> Result<(), SvidUseError> {
        if !self.take_one(&svid.id, svid.policy.per_minute, now) {
            return Err(UseError::TooOften { id: svid.id.clone(), per_minute: svid.policy.per_minute }.into());
        }
        if svid.policy.is_single && svid.is_bearer {
            self.use_up(svid.sha256.to_vec(), svid.expires_at, UseError::UsedBefore, now).await?;
        }
        if let Some(proof) = &svid.proof {
            self.use_up(proof_key(&svid.id, &proof.jti), proof.expires_at, UseError::ProofUsedBefore, now).await?;
        }
        Ok(())
    }

    /// `used` is the error for a second use.
    async fn use_up(&self, key: Vec<u8>, until: UnixTime, used: UseError, now: UnixTime) -> Result<(), SvidUseError> {
        let store = Arc::clone(&self.store);
        let committed = tokio::task::spawn_blocking(move || {
            let batch = StoreBatch::new().expect_absent(Table::UsedSvids, key.clone());
            store.commit(batch.put(Table::UsedSvids, key, "", Some(until)), now)
        });
        match committed.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(StoreError::Conflict)) => Err(used.into()),
            Ok(Err(error)) => Err(SvidUseError::Store(error)),
            Err(_) => Err(SvidUseError::Ended),
        }
    }

    fn take_one(&self, id: &str, per_minute: u32, now: UnixTime) -> bool {
        let full = u64::from(per_minute) * ONE;
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MAX_COUNTED && !buckets.contains_key(id) {
            // After a minute every bucket is full again, and to forget a full one changes nothing.
            buckets.retain(|_, bucket| now.since(bucket.at) < Duration::from_secs(60));
        }
        let bucket = buckets.entry(id.to_owned()).or_insert(Bucket { left: full, at: now });
        let come_back = now.since(bucket.at).as_millis().min(60_000) as u64 * u64::from(per_minute);
        bucket.left = (bucket.left + come_back).min(full);
        bucket.at = bucket.at.max(now);
        if bucket.left < ONE {
            return false;
        }
        bucket.left -= ONE;
        true
    }
}

/// The key of a proof includes its SPIFFE ID, so proofs of two workloads never collide. Hashed, since both may be
/// longer than a key of the store.
fn proof_key(id: &str, jti: &str) -> Vec<u8> {
    sha256(format!("{id} {jti}").as_bytes()).to_vec()
}

#[cfg(test)]
mod tests {
    use broker::svid::ProofUse;
    use broker::trust_domain::UsePolicy;
    use shared::store::MemoryStore;

    use super::*;

    fn svid(id: &str, per_minute: u32, is_single: bool) -> SvidUse {
        SvidUse {
            id: id.to_owned(),
            sha256: [7; 32],
            expires_at: UnixTime::from_seconds(1300),
            policy: UsePolicy { per_minute, is_single },
            is_bearer: true,
            proof: None,
        }
    }

    fn uses() -> SvidUses {
        SvidUses::new(Arc::new(MemoryStore::default()))
    }

    #[tokio::test]
    async fn an_identity_has_its_rate_and_no_other_pays_for_it() {
        let (uses, now) = (uses(), UnixTime::from_seconds(1000));
        for _ in 0..3 {
            uses.admit(&svid("spiffe://a/b", 3, false), now).await.expect("is within the rate");
        }
        let refused = uses.admit(&svid("spiffe://a/b", 3, false), now).await.expect_err("is over the rate");
        assert!(matches!(refused, SvidUseError::Use(UseError::TooOften { per_minute: 3, .. })), "{refused}");
        uses.admit(&svid("spiffe://a/c", 3, false), now).await.expect("is another");
        let later = now.plus(Duration::from_secs(19));
        assert!(uses.admit(&svid("spiffe://a/b", 3, false), later).await.is_err(), "a third of a minute is not over");
        let later = now.plus(Duration::from_secs(20));
        uses.admit(&svid("spiffe://a/b", 3, false), later).await.expect("one has come back");
        assert!(uses.admit(&svid("spiffe://a/b", 3, false), later).await.is_err());
        assert!(
            uses.admit(&svid("spiffe://a/b", 3, false), now).await.is_err(),
            "a clock that goes back gives nothing"
        );
    }

    #[tokio::test]
    async fn what_counts_once_counts_once_for_as_long_as_it_lives() {
        let (uses, now) = (uses(), UnixTime::from_seconds(1000));
        uses.admit(&svid("spiffe://a/b", 60, true), now).await.expect("is the first use");
        let refused = uses.admit(&svid("spiffe://a/b", 60, true), now).await.expect_err("is the second");
        assert!(matches!(refused, SvidUseError::Use(UseError::UsedBefore)), "{refused}");
        let last = UnixTime::from_seconds(1299);
        assert!(uses.admit(&svid("spiffe://a/b", 60, true), last).await.is_err(), "it is remembered to its end");
        let channel = SvidUse { is_bearer: false, ..svid("spiffe://a/b", 60, true) };
        uses.admit(&channel, now).await.expect("a channel proves itself anew");
    }

    #[tokio::test]
    async fn a_proof_counts_once_whatever_the_policy() {
        let (uses, now) = (uses(), UnixTime::from_seconds(1000));
        let proven = |id: &str, jti: &str| {
            let proof = Some(ProofUse { jti: jti.to_owned(), expires_at: UnixTime::from_seconds(1060) });
            SvidUse { is_bearer: false, proof, ..svid(id, 60, false) }
        };
        uses.admit(&proven("spiffe://a/b", "1"), now).await.expect("is the first use");
        uses.admit(&proven("spiffe://a/b", "2"), now).await.expect("is another proof");
        uses.admit(&proven("spiffe://a/c", "1"), now).await.expect("is another's proof");
        let refused = uses.admit(&proven("spiffe://a/b", "1"), now).await.expect_err("is the second");
        assert!(matches!(refused, SvidUseError::Use(UseError::ProofUsedBefore)), "{refused}");
    }
}
