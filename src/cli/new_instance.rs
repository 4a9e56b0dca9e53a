//! The arguments for a new instance, for the commands that set one up.

use std::path::PathBuf;

use clap::Args;

use crate::instance::data_dir::Curve;

/// The arguments for a new instance.
#[derive(Args, Debug)]
pub(super) struct NewInstanceArgs {
    /// The instance's name, in the form of a host name; used in certificates and logs. Default: a random name under
    /// privyseal.internal.
    #[arg(long, value_name = "NAME")]
    pub(super) name: Option<String>,
    /// The curve of the issuing CA's key and the timestamp unit's key.
    #[arg(long, value_enum, default_value_t)]
    pub(super) curve: Curve,
    /// The e-mail address of the first local user.
    #[arg(long, value_name = "EMAIL", default_value = "admin@privyseal.internal")]
    pub(super) user: String,
    /// A file with that user's password in its first line. Default: a random password, printed once.
    #[arg(long, value_name = "FILE")]
    pub(super) password_file: Option<PathBuf>,
}
