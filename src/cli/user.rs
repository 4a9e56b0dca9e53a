//! `privyseal user`

use std::path::PathBuf;

use clap::{Args, Subcommand};
use shared::random::SystemRandom;
use shared::time::Clock as _;

use super::{DataArgs, Failure};
use crate::clock::SystemClock;
use crate::data_dir::{DataDir, DataDirError};
use crate::people::{Password, People};

/// The people who log in with a password of this house. Stop `privyseal up` first: one process works on a house at a time.
#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Add a user. Without a file a random password is made and shown once.
    Add(UserArgs),
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

pub(super) fn run(command: UserCommand) -> Result<(), Failure> {
    let now = SystemClock.now();
    match command {
        UserCommand::Add(args) => {
            let password = Password::choose(args.password_file.as_deref(), &SystemRandom)?;
            people(&args.data)?.add(&args.email, &password, now)?;
            password.print(&args.email);
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

fn people(data: &DataArgs) -> Result<HeldPeople, Failure> {
    let dir = DataDir::hold(&data.data)?;
    if !dir.has_house()? {
        return Err(DataDirError::Empty(data.data.clone()).into());
    }
    Ok(HeldPeople { people: People::open(&dir)?, _dir: dir })
}

/// The users, with the hold on their directory.
struct HeldPeople {
    people: People,
    _dir: DataDir,
}

impl std::ops::Deref for HeldPeople {
    type Target = People;

    fn deref(&self) -> &People {
        &self.people
    }
}
