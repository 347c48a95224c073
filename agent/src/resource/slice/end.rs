//! Ending everything that runs as a tenant whose account is closed.

use std::time::Duration;

use berth_core::spec::AccountSpec;
use berth_core::{Code, Problem, layout};

use super::{MARK, forget, kernel};
use crate::host::{Host, HostError};
use crate::ledger::Marks;
use crate::resource::{Context, Converged, Failure, Observed};

/// How often, and with which pauses, the kernel is asked whether all have ended.
const LOOKS: u32 = 100;
const PAUSE: Duration = Duration::from_millis(10);

/// When it is looked again after something had to be ended: a login or request that was under way may have
/// brought something up behind our back.
const AGAIN: Duration = Duration::from_secs(1);

/// Kills whatever is in the slice, sessions included, and waits until the kernel says that nothing is left.
pub(super) fn everything(context: &Context<'_>, spec: &AccountSpec, marks: &mut Marks) -> Converged {
    let host = context.host;
    let slice = layout::slice(spec.uid);
    let mut again = None;
    if runs(host, spec)? {
        host.systemd().kill_slice(&slice)?;
        for look in 0..LOOKS {
            if !runs(host, spec)? {
                break;
            }
            if look + 1 == LOOKS {
                let detail = format!("processes of {slice} do not end");
                return Err(Failure::Failed(
                    Problem::new(Code::HostFailed, detail)
                        .hint(format!("`systemd-cgls /user.slice/{slice}` on the node shows them")),
                ));
            }
            std::thread::sleep(PAUSE);
        }
        again = Some(AGAIN);
    }
    if spec.standing.is_purged() {
        // Without them systemd remembers neither the manager nor the limits.
        host.systemd().stop_unit(&format!("user@{}.service", spec.uid))?;
        host.systemd().forget_failure(&format!("user@{}.service", spec.uid))?;
        host.systemd().stop_unit(&slice)?;
        forget(host, spec.uid)?;
        marks.clear(MARK);
        return Ok(Observed::new().with("state", "gone"));
    }
    Ok(Observed::new().with("state", "closed").with("processes", 0).look_again(again))
}

/// Whether the kernel shows any process in the slice, however deep.
fn runs(host: &dyn Host, spec: &AccountSpec) -> Result<bool, HostError> {
    let events = host.read(&format!("{}/cgroup.events", kernel::group(spec.uid)));
    match events {
        Ok(text) => {
            let text = text.unwrap_or_default();
            Ok(String::from_utf8_lossy(&text).lines().any(|line| line == "populated 1"))
        }
        // A group that goes away while it is read answers with an error; then it is not there.
        Err(error) => match host.entry(&kernel::group(spec.uid))? {
            None => Ok(false),
            Some(_) => Err(error),
        },
    }
}
