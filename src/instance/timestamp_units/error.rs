//! Why the units cannot serve or change.

use shared::keys::SignError;
use shared::log::AppendError;
use shared::x509::{CaSetupError, ChainError};
use tsa::UnitError;

use super::files::UnitFileError;
use super::register::UnitRegisterError;
use crate::instance::tokens::{KindError, TokenKeyError};

/// Why the units cannot serve or change.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnitsError {
    #[error(transparent)]
    File(#[from] UnitFileError),
    #[error("the audit log could not record the change, so nothing was changed: {0}")]
    Audit(#[from] AppendError),
    #[error("the certificate could not be issued: {0}")]
    CaSetup(#[from] CaSetupError),
    #[error(transparent)]
    Register(#[from] UnitRegisterError),
    #[error("the new certificate does not form a chain with the root: {0}")]
    Chain(#[from] ChainError),
    #[error("the timestamp unit `{name}` cannot be used: {error}")]
    Unit { name: String, error: UnitError },
    #[error("the key of the timestamp unit `{name}` cannot be used: {error}")]
    Key { name: String, error: Box<TokenKeyError> },
    #[error(transparent)]
    Kind(#[from] KindError),
    #[error(
        "the configuration names the timestamp unit `{name}`, which does not exist; create it with `privyseal tsa \
         unit add {name} --algorithm {algorithm}`, or remove it from the configuration"
    )]
    NotMade { name: String, algorithm: &'static str },
    #[error(
        "the timestamp unit `{name}` has keys of the kind {found}, but the configuration says {said}; set its \
         algorithm to \"{found}\", or add another unit"
    )]
    Algorithm { name: String, found: String, said: &'static str },
    #[error(
        "the timestamp unit `{0}` has keys of this instance; choose another name for one with a chain from elsewhere"
    )]
    OwnName(String),
    #[error("there is already a timestamp unit `{0}`; to give it another key, run `privyseal tsa unit next {0}`")]
    Exists(String),
    #[error("there is no timestamp unit `{0}`; `privyseal tsa unit list` shows those that exist")]
    NoSuchUnit(String),
    #[error(
        "the timestamp unit `{name}` already has a next key, which signs from {from}; make the one after it when that \
         one is in use"
    )]
    NextExists { name: String, from: String },
    #[error("the next key would sign from {0}, which is in the past; choose a later time")]
    Past(String),
    #[error("`{0}` is not a valid name for a timestamp unit; use 1 to 32 characters of a-z, 0-9 and `-`")]
    Name(String),
    #[error(
        "the key and certificates of the timestamp unit `{0}` are set in the configuration; change its `key` and \
         `certificate_chain_file` there, and restart"
    )]
    FromElsewhere(String),
    #[error("no timestamp unit can be used; the log says why, and `privyseal tsa unit list` shows all of them")]
    None,
    #[error(transparent)]
    Sign(#[from] SignError),
}
