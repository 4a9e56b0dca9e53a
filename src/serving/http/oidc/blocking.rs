//! Runs the store and Argon2 on the blocking pool, where they hold up no other request.

/// Runs `work` on the blocking pool. `None` if it panicked.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}
