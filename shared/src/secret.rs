//! Values that must not be printed, logged or left in memory.

use zeroize::{Zeroize, Zeroizing};

/// A value that is wiped when it is dropped. It has no `Debug`, no `Display` and no serialisation on purpose: the only
/// way to the value is a call that a reviewer can search for.
#[derive(Clone)]
pub struct Secret<T: Zeroize>(Zeroizing<T>);

impl<T: Zeroize> Secret<T> {
    /// Takes ownership of `value`.
    pub fn new(value: T) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The value itself, for the one line that needs it.
    pub fn expose(&self) -> &T {
        &self.0
    }
}
