//! The options of the demo.

use std::path::PathBuf;

/// Which user signs which file with which instance.
#[derive(Clone, Debug)]
pub(crate) struct DemoOptions {
    /// The instance's origin, without a slash at the end.
    pub(crate) origin: String,
    /// The e-mail address of a local user.
    pub(crate) email: String,
    /// That user's password.
    pub(crate) password: String,
    /// The file to sign.
    pub(crate) file: PathBuf,
    /// The folder for the results; created if it does not exist.
    pub(crate) folder: PathBuf,
}
