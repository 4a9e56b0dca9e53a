//! The store and Argon2 block, so they run where that keeps nobody waiting.

/// Runs what blocks where it may block.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}
