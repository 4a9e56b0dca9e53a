//! The async runtime of the commands that use the network.

use super::failure::Failure;

/// Runs `work` to its end, then waits up to five seconds for background tasks.
pub(super) fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().max_blocking_threads(64).build()?;
    let done = runtime.block_on(work);
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    done
}
