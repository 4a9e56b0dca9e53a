//! What made the instance read its configuration.

use std::fmt::{Display, Formatter};

/// What made the instance read its configuration again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Cause {
    /// Somebody with this address asked over the API.
    Api(String),
    /// The file is another.
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
