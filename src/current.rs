//! A view of whatever is in force now, for those who must not see it change under way.

use std::sync::Arc;

use axum::extract::FromRef;

/// A value that is swapped whole, read anew by each [`Self::load`]. As the state of a router it gives each request the value that was in force when the request
/// began; a handler holds it to its end and never sees another.
pub(crate) struct Current<T>(Arc<dyn Fn() -> Arc<T> + Send + Sync>);

impl<T> Current<T> {
    pub(crate) fn new(load: impl Fn() -> Arc<T> + Send + Sync + 'static) -> Self {
        Self(Arc::new(load))
    }

    /// Always the same, for tests.
    #[cfg(test)]
    pub(crate) fn fixed(value: Arc<T>) -> Self
    where
        T: Send + Sync + 'static,
    {
        Self::new(move || Arc::clone(&value))
    }

    /// The value in force.
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
