//! Drift: noticing that something which was right has been changed by somebody else.
//!
//! A resource that finds something not as it shall be puts it right, whoever is to blame. Whether that was
//! drift is decided here, by one rule: the part had converged for this very generation before, so nothing that
//! was asked for can be the reason. What a resource changes through the files of its [`Host`](crate::host::Host)
//! is noted by a [`Recorder`] around that host; what it changes another way it says itself, with
//! [`Context::changed`](crate::resource::Context::changed).

mod cause;
mod owner;
mod recorder;
mod report;
#[cfg(test)]
mod tests;

use std::sync::{Mutex, MutexGuard, PoisonError};

use berth_core::id::AccountId;

pub use recorder::Recorder;
pub(crate) use report::{Finding, reports};

/// Something on the host that a resource has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The account that it belongs to, if whoever noted it knew.
    pub account: Option<AccountId>,
    /// The thing, such as a path or `membership in berth-sftp`.
    pub object: String,
    /// How it was found; `None` if it was not there at all.
    pub found: Option<String>,
    /// How it is now; `None` if it was taken away.
    pub made: Option<String>,
}

/// What a resource has changed in one run.
#[derive(Debug, Default)]
pub struct Changes {
    noted: Mutex<Vec<Change>>,
}

impl Changes {
    /// Notes a change.
    pub fn note(&self, change: Change) {
        self.noted().push(change);
    }

    /// Whether nothing was noted.
    pub fn is_empty(&self) -> bool {
        self.noted().is_empty()
    }

    /// Everything that was noted, in order.
    pub fn into_vec(self) -> Vec<Change> {
        self.noted.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn noted(&self) -> MutexGuard<'_, Vec<Change>> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
