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

/// Manage local users, who log in with a password. Stop `privyseal up` first: only one process can use a data directory
/// at a time. `add` also works on a running instance, with --server.
#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Add a user. Without --password-file the password is random and printed once.
    Add(AddUserArgs),
    /// Set a user's password. Without --password-file it is random and printed once.
    Passwd(UserArgs),
    /// List the users.
    List(DataArgs),
}

#[derive(Args, Debug)]
pub(super) struct UserArgs {
    #[command(flatten)]
    data: DataArgs,
    /// The user's e-mail address, used as login and as the name in certificates.
    #[arg(value_name = "EMAIL")]
    email: String,
    /// A file with the password in its first line.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(super) struct AddUserArgs {
    #[command(flatten)]
    user: UserArgs,
    /// The instance's configuration file; an address that its grants give to another issuer is refused.
    #[arg(long, value_name = "FILE", conflicts_with = "server")]
    config: Option<PathBuf>,
    #[command(flatten)]
    server: ServerArgs,
}

pub(super) fn run(command: UserCommand) -> Result<(), Failure> {
    let now = SystemClock.now();
    match command {
        UserCommand::Add(args) => {
            let AddUserArgs { user, config, server } = args;
            let password = Password::choose(user.password_file.as_deref(), &SystemRandom)?;
            if let Some(server) = server.client()? {
                let body = serde_json::json!({ "address": user.email, "password": password.expose() });
                block_on(async move { Ok(server.post("/users", &body).await?) })?;
            } else {
                check_owner(config.as_deref(), &user.email)?;
                offline_users(&user.data)?.add(&user.email, &password, now)?;
            }
            password.print(&user.email);
        }
        UserCommand::Passwd(args) => {
            let password = Password::choose(args.password_file.as_deref(), &SystemRandom)?;
            offline_users(&args.data)?.set_password(&args.email, &password, now)?;
            password.print(&args.email);
        }
        UserCommand::List(data) => offline_users(&data)?.print(now)?,
    }
    Ok(())
}

/// Rule X1: a local user whose address belongs to another issuer could neither log in nor sign.
fn check_owner(config: Option<&Path>, email: &str) -> Result<(), Failure> {
    if config.is_none() {
        return Ok(());
    }
    let settings = Settings::load(config, None)?;
    let issuers = settings.records.build(explain::own_record(&settings.origin())?, &[])?;
    let address = EmailAddress::parse(email).map_err(|error| format!("{error} (rule {})", error.rule()))?;
    match issuers.rules().owner_of(&address) {
        Some(owner) => {
            Err(format!("{address} belongs to {owner}, so a local user with that address could not sign (rule X1)")
                .into())
        }
        None => Ok(()),
    }
}

fn offline_users(data: &DataArgs) -> Result<OfflineUsers, Failure> {
    let dir = DataDir::hold(&data.data)?;
    if !dir.has_instance()? {
        return Err(DataDirError::Empty(data.data.clone()).into());
    }
    Ok(OfflineUsers { people: LocalUserStore::open(&dir)?, _dir: dir })
}

/// The users, with the lock on their data directory.
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
