//! A say before each step of a transaction, for tests of crashes and of transactions that run side by side.
//!
//! A store without a gate, as every running server has, pays one comparison per step.

use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;

use crate::{Result, StoreError};

/// A step that is about to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A transaction that may write begins.
    Begin,
    /// A transaction that only reads begins.
    Read,
    /// A statement runs.
    Statement(&'static str),
    /// What was written is kept.
    Commit,
    /// What was written is on disk, and nobody has been told.
    Committed,
}

impl Step {
    const fn name(self) -> &'static str {
        match self {
            Self::Begin => "begin",
            Self::Read => "read",
            Self::Statement(name) => name,
            Self::Commit | Self::Committed => "commit",
        }
    }
}

/// Why a step is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The database does not answer.
    Away,
    /// Another transaction is in the way.
    Locked,
    /// The disk is full.
    Full,
}

/// A refusal, or that the step may be taken.
pub type Verdict = std::result::Result<(), Refusal>;

/// Who has the say.
pub trait Gate: Send + Sync + Debug {
    /// Waits until a step may be taken, or refuses it. A refusal of [`Step::Committed`] is ignored, since
    /// what is done is done.
    fn pass(&self, step: Step) -> Pin<Box<dyn Future<Output = Verdict> + Send + '_>>;

    /// A transaction that may write has ended, in whichever way.
    fn ended(&self);
}

/// The gate of a store or a transaction, if it has one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gated(pub(crate) Option<Arc<dyn Gate>>);

impl Gated {
    pub(crate) async fn pass(&self, step: Step) -> Result<()> {
        let Some(gate) = &self.0 else { return Ok(()) };
        gate.pass(step).await.map_err(|refusal| refused(refusal, step.name()))
    }

    /// What tells the gate of the end of a transaction when it is dropped.
    pub(crate) fn writing(&self) -> Writing {
        Writing(self.0.clone())
    }
}

/// A transaction that may write.
#[derive(Debug)]
pub(crate) struct Writing(Option<Arc<dyn Gate>>);

impl Drop for Writing {
    fn drop(&mut self) {
        if let Some(gate) = &self.0 {
            gate.ended();
        }
    }
}

fn refused(refusal: Refusal, statement: &'static str) -> StoreError {
    match refusal {
        Refusal::Away => StoreError::Unavailable(sqlx::Error::PoolTimedOut),
        Refusal::Locked => StoreError::Contended { statement, source: sqlx::Error::PoolTimedOut },
        Refusal::Full => {
            let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
            StoreError::Statement { statement, source: sqlx::Error::Io(full) }
        }
    }
}
