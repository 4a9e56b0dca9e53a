//! `privyseal init`

use std::path::PathBuf;

use clap::Args;
use shared::random::SystemRandom;
use shared::time::Clock as _;

use super::data_args::DataArgs;
use super::failure::Failure;
use super::new_instance::NewInstanceArgs;
use crate::clock::SystemClock;
use crate::instance::assemble::Settings;
use crate::instance::data_dir::{DataDir, DataDirError};
use crate::instance::init::{self, Plan};
use crate::instance::local_users::Password;

/// Set up an instance and exit.
#[derive(Args, Debug)]
pub(super) struct InitArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The configuration file; used for keys in PKCS#11 tokens and for the addresses of revocation.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    new: NewInstanceArgs,
}

pub(super) fn run(args: InitArgs) -> Result<(), Failure> {
    let settings = Settings::load(args.config.as_deref(), None)?;
    let data = DataDir::hold(&args.data.data)?;
    if data.has_instance()? {
        return Err(DataDirError::Occupied(args.data.data).into());
    }
    let first = set_up(&data, args.new, &settings)?;
    println!("The instance is set up in {}", data.root().display());
    first.print();
    println!("Serve it:    privyseal up --data {}", data.root().display());
    Ok(())
}

/// The first local user; the password is printed once.
pub(super) struct FirstUser {
    email: String,
    password: Password,
}

impl FirstUser {
    pub(super) fn print(&self) {
        self.password.print(&self.email);
    }
}

/// Sets up an instance in `data`.
pub(super) fn set_up(data: &DataDir, new: NewInstanceArgs, settings: &Settings) -> Result<FirstUser, Failure> {
    let password = Password::choose(new.password_file.as_deref(), &SystemRandom)?;
    let plan = Plan {
        name: new.name,
        issuing_key: settings.issuing_key.clone(),
        addresses: settings.revocation.addresses.clone(),
        ..Plan::new(new.curve, &new.user, &password)
    };
    init::init(data, plan, SystemClock.now(), &SystemRandom)?;
    Ok(FirstUser { email: new.user, password })
}
