//! What a new instance is made like, for the commands that make one.

use std::path::PathBuf;

use clap::Args;

use crate::instance::data_dir::Curve;

/// What a new instance is made like.
#[derive(Args, Debug)]
pub(super) struct NewInstanceArgs {
    /// The instance's own name, like a host's; in certificates and logs. Default: a random one under privyseal.internal.
    #[arg(long, value_name = "NAME")]
    pub(super) name: Option<String>,
    /// The curve of the issuing authority's and the timestamp unit's keys.
    #[arg(long, value_enum, default_value_t)]
    pub(super) curve: Curve,
    /// The e-mail address of the first local user.
    #[arg(long, value_name = "EMAIL", default_value = "admin@privyseal.internal")]
    pub(super) user: String,
    /// A file with that user's password in one line; without it a random one is made and shown once.
    #[arg(long, value_name = "FILE")]
    pub(super) password_file: Option<PathBuf>,
}
