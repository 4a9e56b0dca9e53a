//! The error of a command.

/// Any error: it is printed for a person, and no code matches on it.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;
