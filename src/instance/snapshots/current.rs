//! An edge's view of the snapshots.

use std::sync::Arc;

use axum::extract::FromRef;

/// A part of the snapshot in force. As the state of a router it gives each request the part that was in force when the request
/// began; a handler holds it to its end and never sees another.
pub(crate) struct Current<T>(Arc<dyn Fn() -> Arc<T> + Send + Sync>);

impl<T> Current<T> {
    pub(super) fn new(load: impl Fn() -> Arc<T> + Send + Sync + 'static) -> Self {
        Self(Arc::new(load))
    }

    /// Always the same, for tests of one edge.
    #[cfg(test)]
    pub(crate) fn fixed(part: Arc<T>) -> Self
    where
        T: Send + Sync + 'static,
    {
        Self::new(move || Arc::clone(&part))
    }

    /// The part in force.
    pub(crate) fn load(&self) -> Arc<T> {
        (self.0)()
    }
}

impl<T> Clone for Current<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> FromRef<Current<T>> for Arc<T> {
    fn from_ref(current: &Current<T>) -> Self {
        current.load()
    }
}
