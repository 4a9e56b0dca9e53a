//! The arguments that name a running instance, and the caller's login.

use std::path::{Path, PathBuf};

use clap::Args;
use shared::secret::Secret;

use super::failure::Failure;
use crate::cli::api_client::ApiClient;
use crate::file;

/// Longest file with certificate authorities or a token, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// A running instance, and the caller's login.
#[derive(Args, Clone, Debug)]
pub(super) struct ServerArgs {
    /// The origin of the running instance, for example `https://seal.example.com`.
    #[arg(long, value_name = "ORIGIN")]
    server: Option<String>,
    /// A PEM file with the CAs that issued its TLS certificate. Default: the system's CAs.
    #[arg(long, value_name = "FILE", requires = "server")]
    ca_file: Option<PathBuf>,
    /// The token file that `privyseal login` wrote.
    #[arg(long, value_name = "FILE", requires = "server")]
    login: Option<PathBuf>,
}

impl ServerArgs {
    /// A client, if `--server` is given.
    pub(super) fn client(&self) -> Result<Option<ApiClient>, Failure> {
        let Some(origin) = &self.server else { return Ok(None) };
        let ca_pem = self.ca_file.as_deref().map(|path| file::read(path, MAX_FILE)).transpose()?;
        let token = self.login.as_deref().map(read_token).transpose()?;
        Ok(Some(ApiClient::new(origin, ca_pem.as_deref(), token)?))
    }

    /// A client; an error without `--server`.
    pub(super) fn required(&self) -> Result<ApiClient, Failure> {
        self.client()?.ok_or_else(|| "name the running instance with --server ORIGIN".into())
    }
}

fn read_token(path: &Path) -> Result<Secret<String>, Failure> {
    let text = zeroize::Zeroizing::new(file::read(path, MAX_FILE)?);
    match text.trim() {
        "" => Err(format!("{} has no token; log in again with `privyseal login`", path.display()).into()),
        token => Ok(Secret::new(token.to_owned())),
    }
}
