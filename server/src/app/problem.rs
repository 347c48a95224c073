use std::time::Duration;

use berth_core::{Code, Problem, Problems};
use berth_store::{Constraint, StoreError};

use super::context::App;

/// Why an attempt at a verb ended early.
#[derive(Debug)]
pub(super) enum Failure {
    /// The caller is to know.
    Problems(Problems),
    /// The database said no.
    Store(StoreError),
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self::Problems(problems)
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Problems(problem.into())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Failure {
    /// What the caller gets to know. What went wrong inside is logged here, once, and not told.
    pub(super) fn into_problems(self) -> Problems {
        match self {
            Self::Problems(problems) => problems,
            Self::Store(error) => of_store(&error).into(),
        }
    }
}

impl From<Failure> for Problems {
    fn from(failure: Failure) -> Self {
        failure.into_problems()
    }
}

/// How often a verb is tried if other transactions are in the way (PostgreSQL only; SQLite's writers queue).
const ATTEMPTS: u32 = 8;

/// Counts the attempts at a verb.
#[derive(Debug, Default)]
pub(super) struct Attempts(u32);

impl Attempts {
    /// Whether to try again after a failure; waits a little before it says so.
    pub(super) async fn again(&mut self, failure: &Failure, app: &App) -> bool {
        self.0 += 1;
        let Failure::Store(error) = failure else { return false };
        // Whoever loses a race for a unique value sees on the next attempt what the winner has stored, and can
        // say so with the right field, or answer with the winner's result.
        let worth_it = error.is_retryable() || error.conflict().is_some();
        if !worth_it || self.0 >= ATTEMPTS {
            return false;
        }
        let mut byte = [0];
        app.randomness.fill(&mut byte);
        tokio::time::sleep(Duration::from_millis(u64::from(byte[0] % 16) * u64::from(self.0))).await;
        true
    }
}

/// Tries a verb until it succeeds, fails for good, or has been tried often enough.
macro_rules! retrying {
    ($app:expr, $attempt:expr) => {{
        let mut attempts = $crate::app::problem::Attempts::default();
        loop {
            match $attempt.await {
                Ok(done) => break Ok(done),
                Err(failure) => {
                    let failure: $crate::app::problem::Failure = failure;
                    if !attempts.again(&failure, $app).await {
                        break Err(failure.into_problems());
                    }
                }
            }
        }
    }};
}
pub(super) use retrying;

/// What a failure of the database means to a caller.
fn of_store(error: &StoreError) -> Problem {
    if let StoreError::Conflict(constraint) = error
        && let Some(problem) = of_conflict(*constraint)
    {
        return problem;
    }
    match error {
        StoreError::CursorInvalid => {
            Problem::new(Code::CursorInvalid, "the cursor is not from this list").at("cursor")
        }
        StoreError::IdsExhausted => Problem::new(Code::IdsExhausted, "no numeric id is left for an account"),
        StoreError::Unavailable(_) | StoreError::Contended { .. } => {
            tracing::error!(error = error as &dyn std::error::Error, "the database does not answer");
            Problem::new(Code::Unavailable, "the database does not answer").hint("try again in a moment")
        }
        other => {
            tracing::error!(error = other as &dyn std::error::Error, "the database refused a statement");
            Problem::new(Code::Internal, "the database refused a statement; the server's log says which")
        }
    }
}

/// The field error that a uniqueness of the database stands for. Verbs check before they write; this answers
/// the few cases where somebody else was faster again and again.
fn of_conflict(constraint: Constraint) -> Option<Problem> {
    Some(match constraint {
        Constraint::UserLogin | Constraint::AccountUsername => {
            Problem::new(Code::UsernameTaken, "the username is already in use").at("username")
        }
        Constraint::UserEmail => {
            Problem::new(Code::EmailTaken, "another user has this email address").at("email")
        }
        Constraint::DomainName | Constraint::HostName => {
            Problem::new(Code::DomainTaken, "the domain already exists").at("domain")
        }
        Constraint::PackageName => {
            Problem::new(Code::PackageTaken, "a package of that name exists").at("name")
        }
        Constraint::SshKeyFingerprint => {
            Problem::new(Code::SshKeyTaken, "the account has this key already").at("key")
        }
        Constraint::TimerName => {
            Problem::new(Code::TimerTaken, "the account has a timer of that name").at("name")
        }
        Constraint::WebUserLogin => {
            Problem::new(Code::WebUserTaken, "the login is already in use").at("login")
        }
        Constraint::IdempotencyKey => Problem::new(
            Code::IdempotencyConflict,
            "another request with this idempotency key is being worked on",
        ),
        _ => return None,
    })
}
