//! Where the instance is, for the commands that work on its data directory.

use std::path::PathBuf;

use clap::Args;

/// Where the instance is.
#[derive(Args, Debug)]
pub(super) struct DataArgs {
    /// The data directory.
    #[arg(long, value_name = "DIR", default_value = "privyseal-data")]
    pub(super) data: PathBuf,
}
