//! `privyseal user`

use std::path::{Path, PathBuf};

use broker::names::EmailAddress;
use clap::{Args, Subcommand};
use shared::random::SystemRandom;
use shared::time::Clock as _;

use super::data_args::DataArgs;
use super::explain;
use super::failure::Failure;
use super::runtime::block_on;
use super::server::ServerArgs;
use crate::clock::SystemClock;
use crate::instance::assemble::Settings;
use crate::instance::data_dir::{DataDir, DataDirError};
use crate::instance::local_users::{LocalUserStore, Password};

/// The people who log in with a password of this instance. Stop `privyseal up` first, since one process works on an instance
/// at a time; or add a user to the running instance with --server.
#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Add a user. Without a file a random password is made and shown once.
    Add(AddArgs),
    /// Set a user's password. Without a file a random one is made and shown once.
    Passwd(UserArgs),
    /// List the users.
    List(DataArgs),
}

#[derive(Args, Debug)]
pub(super) struct UserArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The user's e-mail address: what they log in with, and the name in their certificates.
    #[arg(value_name = "EMAIL")]
    email: String,
    /// A file with the password in its first line.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(super) struct AddArgs {
    #[command(flatten)]
    user: UserArgs,
    /// The instance's configuration file: an address that one of its grants gives to somebody else is refused.
    #[arg(long, value_name = "FILE", conflicts_with = "server")]
    config: Option<PathBuf>,
    #[command(flatten)]
    server: ServerArgs,
}

pub(super) fn run(command: UserCommand) -> Result<(), Failure> {
    let now = SystemClock.now();
    match command {
        UserCommand::Add(args) => {
            let AddArgs { user, config, server } = args;
            let password = Password::choose(user.password_file.as_deref(), &SystemRandom)?;
            if let Some(server) = server.client()? {
                let body = serde_json::json!({ "address": user.email, "password": password.expose() });
                block_on(async move { Ok(server.post("/users", &body).await?) })?;
            } else {
                check_owner(config.as_deref(), &user.email)?;
                people(&user.data)?.add(&user.email, &password, now)?;
            }
            password.print(&user.email);
        }
        UserCommand::Passwd(args) => {
            let password = Password::choose(args.password_file.as_deref(), &SystemRandom)?;
            people(&args.data)?.set_password(&args.email, &password, now)?;
            password.print(&args.email);
        }
        UserCommand::List(data) => people(&data)?.print(now)?,
    }
    Ok(())
}

/// X1: a local user whose address belongs to somebody else could log in nowhere and sign nothing.
fn check_owner(config: Option<&Path>, email: &str) -> Result<(), Failure> {
    if config.is_none() {
        return Ok(());
    }
    let settings = Settings::load(config, None)?;
    let issuers = settings.records.build(explain::own_record(&settings.origin())?, &[])?;
    let address = EmailAddress::parse(email).map_err(|error| format!("{error} (rule {})", error.rule()))?;
    match issuers.rules().owner_of(&address) {
        Some(owner) => {
            Err(format!("{address} belongs to {owner}; a local user of that address could never sign (rule X1)").into())
        }
        None => Ok(()),
    }
}

fn people(data: &DataArgs) -> Result<OfflineUsers, Failure> {
    let dir = DataDir::hold(&data.data)?;
    if !dir.has_instance()? {
        return Err(DataDirError::Empty(data.data.clone()).into());
    }
    Ok(OfflineUsers { people: LocalUserStore::open(&dir)?, _dir: dir })
}

/// The users, with the hold on their directory.
struct OfflineUsers {
    people: LocalUserStore,
    _dir: DataDir,
}

impl std::ops::Deref for OfflineUsers {
    type Target = LocalUserStore;

    fn deref(&self) -> &LocalUserStore {
        &self.people
    }
}
