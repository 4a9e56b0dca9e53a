//! The argument `--data`, for the commands that work on a data directory.

use std::path::PathBuf;

use clap::Args;

/// The data directory of an instance.
#[derive(Args, Debug)]
pub(super) struct DataArgs {
    /// The instance's data directory.
    #[arg(long, value_name = "DIR", default_value = "privyseal-data")]
    pub(super) data: PathBuf,
}
