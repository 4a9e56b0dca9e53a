//! `privyseal login`

use std::path::PathBuf;

use clap::Args;
use shared::random::SystemRandom;

use super::failure::Failure;
use super::runtime::block_on;
use super::server::ServerArgs;
use crate::clock::SystemClock;
use crate::file::{self, Mode};
use crate::instance::local_users::Password;

/// Log in to a running instance, for the commands that take `--login FILE`. Writes a token that is valid for minutes.
#[derive(Args, Debug)]
pub(super) struct LoginArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// The e-mail address of a local user.
    #[arg(long, value_name = "EMAIL")]
    user: String,
    /// A file with the user's password in its first line.
    #[arg(long, value_name = "FILE")]
    password_file: PathBuf,
    /// The file to write the token to, readable by you only.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub(super) fn run(args: LoginArgs) -> Result<(), Failure> {
    let server = args.server.required()?;
    let password = Password::choose(Some(&args.password_file), &SystemRandom)?.into_secret();
    let (token, who) = block_on(async move {
        let token = server.log_in(&args.user, &password, &SystemClock, &SystemRandom).await?;
        let who = server.with_token(token.expose()).get("/whoami").await?;
        Ok((token, who))
    })?;
    file::write_durably(&args.out, format!("{}\n", token.expose()).as_bytes(), Mode::Private)?;
    let roles: Vec<&str> = who["roles"].as_array().into_iter().flatten().filter_map(|role| role.as_str()).collect();
    let roles = if roles.is_empty() { "no role".to_owned() } else { roles.join(", ") };
    println!("{}: {roles}", who["address"].as_str().unwrap_or_default());
    Ok(())
}
