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
    #[error("the audit log did not take the record: {0}")]
    Audit(#[from] AppendError),
    #[error("the certificate could not be made: {0}")]
    CaSetup(#[from] CaSetupError),
    #[error(transparent)]
    Register(#[from] UnitRegisterError),
    #[error("the new certificate and the root are no chain: {0}")]
    Chain(#[from] ChainError),
    #[error("the timestamp unit {name}: {error}")]
    Unit { name: String, error: UnitError },
    #[error("the timestamp unit {name}: {error}")]
    Key { name: String, error: Box<TokenKeyError> },
    #[error(transparent)]
    Kind(#[from] KindError),
    #[error(
        "the configuration names the timestamp unit `{name}`, which is not in the data directory; make it with `privyseal tsa unit add {name} --algorithm {algorithm}`, or remove it from the configuration"
    )]
    NotMade { name: String, algorithm: &'static str },
    #[error(
        "the timestamp unit `{name}` has keys of the kind {found}, and the configuration says {said}; no key was changed"
    )]
    Algorithm { name: String, found: String, said: &'static str },
    #[error(
        "the timestamp unit `{0}` has keys of this instance; choose another name for one with a chain from elsewhere"
    )]
    OwnName(String),
    #[error("there is a timestamp unit `{0}` already; `privyseal tsa unit next {0}` gives it another key")]
    Exists(String),
    #[error("there is no timestamp unit `{0}`")]
    NoSuchUnit(String),
    #[error("the timestamp unit `{name}` has a next key already, which signs from {from}; one change at a time")]
    NextExists { name: String, from: String },
    #[error("the next key would sign from {0}, which is past")]
    Past(String),
    #[error("`{0}` is no name for a timestamp unit: 1 to 32 of a-z, 0-9 and `-` are")]
    Name(String),
    #[error(
        "the key and certificates of the unit `{0}` come from elsewhere: change `key` and `certificate_chain_file`, and restart"
    )]
    FromElsewhere(String),
    #[error("no timestamp unit serves")]
    None,
    #[error(transparent)]
    Sign(#[from] SignError),
}
