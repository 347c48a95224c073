//! Timers of an account: what they run and when, and who fires them.
//!
//! With `always` it is the account's own user manager, which lingers without a session and reads units that
//! only root can write; with `on-demand` it is the agent. A run is the same either way: the same program, as
//! the tenant, in the tenant's slice.

mod files;
mod manager;

use berth_core::condition::Resource;
use berth_core::package::TimerMode;
use berth_core::spec::{AccountSpec, TimerSpec};
use berth_core::{Code, Problem};
use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};

use super::{AccountResource, Context, Converged, Failure, Observed};
use crate::host::HostError;
use crate::ledger::Marks;
use crate::timers::{Scheduler, Tenant, start_run};

/// Where the login manager notes who lingers.
const LINGER_DIR: &str = "/var/lib/systemd/linger";

/// The note of the second since 1970 since when the manager was asked for in vain.
const MARK: &str = "timers";

/// How long a manager may take to start: as long as systemd itself gives it.
const PATIENCE: TimeDelta = TimeDelta::seconds(90);

/// Note of the schedules that the agent fires.
const FIRED: &str = "timers_fired";

/// A wish to run now that is older is not fulfilled any more.
const WISH_LASTS: TimeDelta = TimeDelta::minutes(10);

/// Timers, and the lingering user manager.
pub struct Timers {
    scheduler: Scheduler,
}

impl Timers {
    /// Timers that the scheduler fires where the user manager doesn't.
    pub const fn new(scheduler: Scheduler) -> Self {
        Self { scheduler }
    }
}

impl AccountResource for Timers {
    fn resource(&self) -> Resource {
        Resource::Timers
    }

    fn needs(&self) -> &'static [Resource] {
        // Records of runs lie in the home.
        &[Resource::Account, Resource::Home]
    }

    fn is_slow(&self) -> bool {
        true
    }

    fn converge(&self, context: &Context<'_>, spec: &AccountSpec, marks: &mut Marks) -> Converged {
        let systemd = context.host.systemd();
        let file = format!("{LINGER_DIR}/{}", spec.username);
        let unit = format!("user@{}.service", spec.uid);
        let wanted = spec.timers == TimerMode::Always;
        let lingers = context.host.entry(&file)?.is_some();
        if lingers && !wanted {
            systemd.set_linger(spec.uid.get(), false).map_err(|error| unsupported(&error))?;
            // Its timers end now, and not when the login manager gets round to it.
            systemd.stop_unit(&unit)?;
        }
        // Before the manager starts: it reads them then.
        files::converge(context, spec, marks)?;
        let mut state = systemd.unit_state(&unit)?;
        if wanted && (!lingers || !matches!(state.as_deref(), Some("active" | "activating"))) {
            systemd.set_linger(spec.uid.get(), true).map_err(|error| unsupported(&error))?;
            state = systemd.unit_state(&unit)?;
        }
        self.schedule(spec, marks);
        run_wanted(context, spec, marks)?;
        if wanted && state.as_deref() != Some("active") {
            let asked = marks.get(MARK).and_then(|asked| asked.parse().ok());
            if asked.is_none() {
                marks.set(MARK, context.now.timestamp().to_string());
            }
            let since = asked.unwrap_or(context.now.timestamp());
            return Err(not_up(&unit, state.as_deref(), context.now.timestamp() - since));
        }
        marks.clear(MARK);
        if wanted {
            manager::taken_over(context, spec, &unit, marks)?;
        }
        Ok(Observed::new()
            .with("mode", spec.timers.as_str())
            .with("timers", spec.timer_list.iter().map(|timer| timer.name.to_string()).collect::<Vec<_>>())
            .with("lingers", context.host.entry(&file)?.is_some())
            .with("manager", state.unwrap_or_else(|| "inactive".to_owned())))
    }
}

impl Timers {
    /// Tells the scheduler what it fires, and takes in what runs have left.
    fn schedule(&self, spec: &AccountSpec, marks: &mut Marks) {
        if spec.timer_list.is_empty() {
            self.scheduler.forget(spec.uid);
            marks.clear(FIRED);
            return;
        }
        let tenant = Tenant { account: spec.account, uid: spec.uid, user: spec.username.clone() };
        let ours: Vec<_> = if spec.timers == TimerMode::OnDemand {
            spec.timer_list.iter().filter(|timer| timer.enabled).map(scheduled).collect()
        } else {
            Vec::new()
        };
        let fingerprint = hex::encode(Sha256::digest(format!("{ours:?}")));
        let resumed = marks.get(FIRED) == Some(&fingerprint);
        self.scheduler.set(&tenant, ours, resumed);
        if !resumed {
            marks.set(FIRED, fingerprint);
        }
        self.scheduler.collect(&tenant);
    }
}

fn scheduled(timer: &TimerSpec) -> (berth_core::timer::TimerName, berth_core::timer::Schedule) {
    (timer.name.clone(), timer.schedule.clone())
}

/// Runs what somebody wants to run now, once for each wish.
fn run_wanted(context: &Context<'_>, spec: &AccountSpec, marks: &mut Marks) -> Result<(), Failure> {
    for timer in &spec.timer_list {
        let (Some(wanted), note) = (timer.run_wanted_at, files::wish_note(&timer.name)) else { continue };
        let fulfilled = marks.get(&note).and_then(|at| at.parse::<DateTime<Utc>>().ok());
        if fulfilled.is_some_and(|at| wanted <= at) {
            continue;
        }
        if context.now - wanted <= WISH_LASTS {
            start_run(context.host, spec.uid, &spec.username, &timer.name)?;
        }
        marks.set(&note, wanted.to_rfc3339());
    }
    Ok(())
}

/// What becomes of a manager that is not up although it was asked for.
fn not_up(unit: &str, state: Option<&str>, waited: i64) -> Failure {
    let shown = state.unwrap_or("inactive");
    let problem = Problem::new(Code::HostFailed, format!("{unit} does not run; it is {shown}"))
        .hint(format!("`systemctl status {unit}` on the node shows why"));
    // Until its runtime directory is there, a manager that was asked for is still inactive.
    if shown == "failed" || waited >= PATIENCE.num_seconds() {
        Failure::Failed(problem)
    } else {
        Failure::Pending(problem)
    }
}

fn unsupported(error: &HostError) -> Failure {
    let problem = Problem::new(Code::LingerUnsupported, error.to_string())
        .hint("systemd-logind must run on the node; this heals by itself then");
    Failure::Unsupported(problem)
}

#[cfg(test)]
mod tests;
