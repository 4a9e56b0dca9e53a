//! A view of the value in force now, which a request loads once and uses to its end.

use std::sync::Arc;

use axum::extract::FromRef;

/// A value that is swapped whole; each [`Self::load`] returns the present one. As the state of a router it gives each
/// request the value that was in force when the request began.
pub(crate) struct Current<T>(Arc<dyn Fn() -> Arc<T> + Send + Sync>);

impl<T> Current<T> {
    pub(crate) fn new(load: impl Fn() -> Arc<T> + Send + Sync + 'static) -> Self {
        Self(Arc::new(load))
    }

    /// A value that never changes, for tests.
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
