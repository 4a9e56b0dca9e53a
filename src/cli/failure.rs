//! Why a command failed.

/// Each kind explains itself; nothing here is for programs.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;
