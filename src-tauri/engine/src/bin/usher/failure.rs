//! Why a command ended badly, and the exit code that says so to scripts.

use std::io;

use usher_engine::api::{ApiError, Code};
use usher_engine::host::HostError;

/// A command that did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// It was asked wrongly: exit code 2.
    #[error("{0}")]
    Usage(String),
    /// There is no such thing: exit code 3.
    #[error("{0}")]
    NotFound(String),
    /// It went wrong: exit code 1.
    #[error("{0}")]
    Failed(String),
    /// Whoever read stdout has seen enough: exit code 0.
    #[error("nobody reads on")]
    Pipe,
}

impl Failure {
    /// The exit code.
    pub fn code(&self) -> u8 {
        match self {
            Self::Pipe => 0,
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::NotFound(_) => 3,
        }
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        match error.code {
            Code::Invalid => Self::Usage(error.message),
            Code::NotFound => Self::NotFound(error.message),
            Code::Conflict | Code::Unavailable => Self::Failed(error.message),
            Code::Internal => Self::Failed(format!("A defect of Usher: {}", error.message)),
        }
    }
}

impl From<HostError> for Failure {
    fn from(error: HostError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::Pipe
        } else {
            Self::Failed(format!("The system said: {error}."))
        }
    }
}
