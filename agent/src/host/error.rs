//! Failures of the host.

use std::io;

use berth_core::{Code, Problem};

/// What could not be done, with what, and why.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} {object}: {source}")]
pub struct HostError {
    /// The operation, as a verb.
    pub operation: &'static str,
    /// The path, unit or program.
    pub object: String,
    /// The system's reason.
    #[source]
    pub source: io::Error,
}

/// Result of an operation on the host.
pub type Result<T> = std::result::Result<T, HostError>;

impl HostError {
    /// An operation that failed for a reason of the system.
    pub fn new(operation: &'static str, object: impl Into<String>, source: impl Into<io::Error>) -> Self {
        Self { operation, object: object.into(), source: source.into() }
    }

    /// An operation that failed for a reason of our own.
    pub fn because(operation: &'static str, object: impl Into<String>, why: impl Into<String>) -> Self {
        Self { operation, object: object.into(), source: io::Error::other(why.into()) }
    }

    /// Whether the system said exactly this.
    pub fn is(&self, errno: rustix::io::Errno) -> bool {
        self.source.raw_os_error() == Some(errno.raw_os_error())
    }
}

impl From<HostError> for Problem {
    fn from(error: HostError) -> Self {
        Self::new(Code::HostFailed, error.to_string())
    }
}
