//! Lingering: a user manager without a session, so that timers fire, where the package says so.

use berth_core::condition::Resource;
use berth_core::package::TimerMode;
use berth_core::spec::AccountSpec;
use berth_core::{Code, Problem};
use chrono::TimeDelta;

use super::{AccountResource, Context, Converged, Failure, Observed};
use crate::host::HostError;
use crate::ledger::Marks;

/// Where the login manager notes who lingers.
const LINGER_DIR: &str = "/var/lib/systemd/linger";

/// The note of the second since 1970 since when the manager was asked for in vain.
const MARK: &str = "timers";

/// How long a manager may take to start: as long as systemd itself gives it.
const PATIENCE: TimeDelta = TimeDelta::seconds(90);

/// The lingering user manager.
pub struct Timers;

impl AccountResource for Timers {
    fn resource(&self) -> Resource {
        Resource::Timers
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
        let mut state = systemd.unit_state(&unit)?;
        if lingers != wanted || wanted && !matches!(state.as_deref(), Some("active" | "activating")) {
            systemd.set_linger(spec.uid.get(), wanted).map_err(|error| unsupported(&error))?;
            state = systemd.unit_state(&unit)?;
        }
        if wanted && state.as_deref() != Some("active") {
            let asked = marks.get(MARK).and_then(|asked| asked.parse().ok());
            if asked.is_none() {
                marks.set(MARK, context.now.timestamp().to_string());
            }
            let since = asked.unwrap_or(context.now.timestamp());
            return Err(not_up(&unit, state.as_deref(), context.now.timestamp() - since));
        }
        marks.clear(MARK);
        Ok(Observed::new()
            .with("mode", spec.timers.as_str())
            .with("lingers", context.host.entry(&file)?.is_some())
            .with("manager", state.unwrap_or_else(|| "inactive".to_owned())))
    }
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
