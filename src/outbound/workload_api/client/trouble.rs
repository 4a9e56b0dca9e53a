//! Failures between us and the Workload API.

use std::error::Error;

use spiffe::transport::{GrpcStatusCode, TransportError};
use spiffe::{WorkloadApiError, X509SvidError};
use tonic::{Code, Status};

/// Why the API gave nothing, or nothing that can be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum Trouble {
    #[error("the stream ended ({0})")]
    Ended(String),
    #[error("no answer within {0} seconds")]
    Silent(u64),
    #[error("the API rejects the request as invalid ({0})")]
    Misunderstood(String),
    #[error("the API does not support this call")]
    Unimplemented,
    #[error("the API cannot be reached ({0})")]
    Unreachable(String),
    #[error("the API's answer cannot be used: {0}")]
    Unusable(String),
    /// The API says that there is nothing for us: whatever it gave before must not be used any more.
    #[error("no identity is issued to this process ({0})")]
    Withdrawn(String),
}

impl Trouble {
    /// Whether a retry is pointless: by Workload API §4.2 a client does not retry an invalid or unsupported call.
    pub(super) fn is_final(&self) -> bool {
        matches!(self, Self::Misunderstood(_) | Self::Unimplemented)
    }

    /// What an operator should do.
    pub(super) fn advice(&self) -> &'static str {
        match self {
            Self::Ended(_) | Self::Silent(_) | Self::Unusable(_) => "look at the agent's log",
            Self::Misunderstood(_) | Self::Unimplemented => {
                "check that spiffe.workload_api is the address of a Workload API"
            }
            Self::Unreachable(_) => "start the agent, let this user open its socket, or correct spiffe.workload_api",
            Self::Withdrawn(_) => {
                "register this process with the agent's server (an entry whose selectors it has), or set \
                 listen.svid.identity = \"files\""
            }
        }
    }
}

impl From<Status> for Trouble {
    fn from(status: Status) -> Self {
        match status.code() {
            Code::PermissionDenied => Self::Withdrawn(status.message().to_owned()),
            Code::InvalidArgument => Self::Misunderstood(status.message().to_owned()),
            Code::Unimplemented => Self::Unimplemented,
            code => Self::Ended(format!("{code}: {}", status.message())),
        }
    }
}

impl From<TransportError> for Trouble {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::Status(status) if status.code() == GrpcStatusCode::Unimplemented => Self::Unimplemented,
            TransportError::Status(status) if status.code() == GrpcStatusCode::InvalidArgument => {
                Self::Misunderstood(status.to_string())
            }
            TransportError::Status(status) => Self::Ended(status.to_string()),
            error => Self::Unreachable(innermost(&error)),
        }
    }
}

impl From<WorkloadApiError> for Trouble {
    fn from(error: WorkloadApiError) -> Self {
        match error {
            WorkloadApiError::EmptyResponse => Self::Ended("without a message".to_owned()),
            WorkloadApiError::NoIdentityIssued => Self::Withdrawn("no identity issued".to_owned()),
            WorkloadApiError::PermissionDenied(message) => Self::Withdrawn(message),
            WorkloadApiError::Transport(error) => error.into(),
            // The causes of these mention certificates, never the bytes of a key.
            error => Self::Unusable(innermost(&error)),
        }
    }
}

impl From<X509SvidError> for Trouble {
    fn from(error: X509SvidError) -> Self {
        Self::Unusable(innermost(&error))
    }
}

/// The last cause is the one that says something: `transport error` stands above it.
fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
