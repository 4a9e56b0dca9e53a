//! What the demo is told.

use std::path::PathBuf;

/// Whom to be, where, and with what.
#[derive(Clone, Debug)]
pub(crate) struct DemoOptions {
    /// Where the instance is served, without a slash at the end.
    pub(crate) origin: String,
    /// A local user of that instance.
    pub(crate) email: String,
    /// Its password.
    pub(crate) password: String,
    /// The file to sign.
    pub(crate) file: PathBuf,
    /// Where to leave the results; made if it is missing.
    pub(crate) folder: PathBuf,
}
