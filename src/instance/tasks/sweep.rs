//! Removes expired records from the store.

use std::sync::Arc;
use std::time::Duration;

use shared::store::Store;
use shared::time::Clock as _;

use crate::clock::SystemClock;

/// How often expired codes and sessions are swept.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// How many are swept at once.
const SWEEP_AT_ONCE: usize = 1_000;

/// Removes expired records every minute; never returns.
pub(crate) async fn keep_swept(store: Arc<dyn Store>) {
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        let store = store.clone();
        let swept = tokio::task::spawn_blocking(move || store.sweep(SystemClock.now(), SWEEP_AT_ONCE)).await;
        if let Ok(Err(error)) = swept {
            tracing::error!(%error, "expired records could not be removed from the store");
        }
    }
}
