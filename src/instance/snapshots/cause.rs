//! Why the configuration was read.

use std::fmt::{Display, Formatter};

/// Why the configuration was read; in logs and audit records.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Cause {
    /// The person with this address asked for it over the API.
    Api(String),
    /// The file has changed.
    File,
    /// SIGHUP.
    Signal,
    /// The instance opened.
    Start,
}

impl Display for Cause {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Api(who) => write!(f, "api {who}"),
            Self::File => f.write_str("file"),
            Self::Signal => f.write_str("signal"),
            Self::Start => f.write_str("start"),
        }
    }
}
