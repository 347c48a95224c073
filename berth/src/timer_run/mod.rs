//! One run of a timer: as the tenant, without any privilege, inside its unit. The same program whoever has
//! started it, the account's user manager or the agent, so that a run is the same either way.

mod command;
mod spool;

use berth_core::account::Uid;
use berth_core::layout;
use berth_core::timer::{RunRecord, TimerJob, TimerName};
use chrono::{DateTime, SubsecRound, Utc};

use crate::failure::Failure;

/// Runs the timer of this name of the account that calls, and leaves a record of it in the account's spool.
/// While another run of the timer is under way it does nothing.
pub(crate) fn run(name: &TimerName) -> Result<(), Failure> {
    let job = read(name)?;
    let _only_one = match spool::lock(&job) {
        Ok(Some(lock)) => Some(lock),
        Ok(None) => {
            eprintln!("timer {name} is still running; this run is left out");
            return Ok(());
        }
        // Without room for a lock the unit, of which there is one at a time, has to do.
        Err(error) => {
            eprintln!("timer {name} runs without lock: {error}");
            None
        }
    };
    let started_at = now();
    let ran = command::run(&job);
    let record = RunRecord {
        started_at,
        // A clock that was set back meanwhile does not make a run end before it began.
        ended_at: now().max(started_at),
        outcome: ran.outcome,
        truncated: ran.truncated,
        output: String::new(),
    };
    spool::leave(&job, &record, &ran.output)
        .map_err(|error| Failure::local(format!("cannot keep the record in {}", job.spool), error))
}

/// What shall be run. The file is root's and names the command: nothing of it stands in a unit or an argument.
fn read(name: &TimerName) -> Result<TimerJob, Failure> {
    let uid = Uid::try_from(rustix::process::getuid().as_raw()).map_err(|_| {
        Failure::usage("this is not an account's user", "timers run as the user of an account")
    })?;
    let path = layout::timer_job(uid, name);
    let failed = |error: &dyn std::fmt::Display| Failure::local(format!("cannot read {path}"), error);
    let bytes = std::fs::read(&path).map_err(|error| failed(&error))?;
    serde_json::from_slice(&bytes).map_err(|error| failed(&error))
}

/// The moment, as precise as every part of Berth keeps it.
#[expect(clippy::disallowed_methods, reason = "a run's clock comes from here")]
fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}
