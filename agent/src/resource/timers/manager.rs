//! Whether the account's user manager has taken over its timers.
//!
//! Nobody privileged talks to that manager: its sockets are the tenant's. It watches the target, reads its
//! units again when the target changes, and then leaves a copy of the target in its runtime directory. The
//! copy is the tenant's as well; one that is false only hides from its tenant that timers don't run.

use berth_core::layout;
use berth_core::spec::AccountSpec;
use berth_core::{Code, Problem};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::files;
use crate::host::Owner;
use crate::ledger::Marks;
use crate::resource::{Context, Failure};

/// Note of what is waited for.
const WAITS: &str = "timers_wait";

/// Longest copy that is read.
const COPY_MAX: usize = 64 * 1024;

/// After this long the target is written again: the manager may have missed the change, because it was just
/// reading the one before.
const NUDGE_AFTER: TimeDelta = TimeDelta::seconds(3);
/// After this long the manager is started anew, once: it may be from before it knew how to watch.
const RESTART_AFTER: TimeDelta = TimeDelta::seconds(60);
/// After this long somebody has to look.
const FAILED_AFTER: TimeDelta = TimeDelta::seconds(120);

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Wait {
    target: String,
    since: DateTime<Utc>,
    nudged: bool,
    restarted: bool,
}

/// Waits for the manager, and helps it along.
pub(super) fn taken_over(
    context: &Context<'_>,
    spec: &AccountSpec,
    unit: &str,
    marks: &mut Marks,
) -> Result<(), Failure> {
    let target = files::target(spec);
    let copy = format!("/run/user/{}/berth-timers", spec.uid);
    // What can't be read is not the copy.
    if context.host.read_at_most(&copy, COPY_MAX).ok().flatten().as_deref() == Some(target.as_bytes()) {
        marks.clear(WAITS);
        return Ok(());
    }
    let fingerprint = hex::encode(Sha256::digest(&target));
    let known = marks.get(WAITS).and_then(|note| serde_json::from_str::<Wait>(note).ok());
    let mut wait = known.filter(|wait| wait.target == fingerprint).unwrap_or(Wait {
        target: fingerprint,
        since: context.now,
        nudged: false,
        restarted: false,
    });
    let waited = context.now - wait.since;
    if waited >= NUDGE_AFTER && !wait.nudged {
        wait.nudged = true;
        let path = format!("{}/{}", layout::timers_dir(spec.uid), files::TARGET);
        context.host.replace_file(&path, target.as_bytes(), Owner::root_with(spec.uid.get()), 0o640)?;
    }
    if waited >= RESTART_AFTER && !wait.restarted {
        wait.restarted = true;
        tracing::warn!(uid = %spec.uid, "the account's user manager does not take over its timers; it is started anew");
        context.host.systemd().restart_unit(unit)?;
    }
    marks.set(WAITS, serde_json::to_string(&wait).unwrap_or_default());
    let problem = Problem::new(
        Code::TimersFailed,
        format!("the user manager of {} has not taken over its timers", spec.username),
    )
    .hint(format!(
        "`journalctl _UID={}` on the node shows why; `systemctl restart {unit}` starts it anew",
        spec.uid
    ));
    Err(if waited >= FAILED_AFTER { Failure::Failed(problem) } else { Failure::Pending(problem) })
}
