//! The transient unit that a run of a tenant's timer has if no user manager starts it. What it may see and do
//! is what a run in `berth-timer@.service` may, below a user manager with the package's drop-in.

use berth_core::layout;
use berth_core::timer::TimerTimeout;
use zbus::Variant;

use crate::host::systemd::{TIMER_PROGRAM, TimerUnit};

const SECOND: u64 = 1_000_000;

/// Everything of Berth's but the account's own timers is out of sight.
const OURS: &str = "/etc/berth";
const HIDDEN: [&str; 2] = ["-/var/lib/berth", "-/run/berth"];

/// The properties of the unit (`org.freedesktop.systemd1(5)`, `systemd.exec(5)`).
pub(super) fn properties<'a>(unit: &'a TimerUnit<'a>) -> Vec<(&'static str, Variant<'a>)> {
    let command = vec![TIMER_PROGRAM, "timer-run", unit.timer];
    let timers = layout::timers_dir(unit.uid);
    // The run itself ends in time; this is for one that is stuck.
    let longest = u64::from(TimerTimeout::MAX + 3_600) * SECOND;
    let yes = |name: &'static str| (name, Variant::from(true));
    vec![
        ("Description", Variant::from(format!("Timer {} of {}", unit.timer, unit.user))),
        ("Slice", Variant::from(unit.slice)),
        ("User", Variant::from(unit.user)),
        ("Group", Variant::from(unit.user)),
        ("Type", Variant::from("exec")),
        ("ExecStart", Variant::from(vec![(TIMER_PROGRAM, command, false)])),
        ("WorkingDirectory", Variant::from("/")),
        ("UMask", Variant::from(0o022_u32)),
        ("SyslogIdentifier", Variant::from("berth-timer")),
        ("CollectMode", Variant::from("inactive-or-failed")),
        ("RuntimeMaxUSec", Variant::from(longest)),
        ("TimeoutStopUSec", Variant::from(10 * SECOND)),
        ("TemporaryFileSystem", Variant::from(vec![(OURS, "ro,mode=0755")])),
        ("BindReadOnlyPaths", Variant::from(vec![(timers.clone(), timers, true, 0_u64)])),
        ("InaccessiblePaths", Variant::from(HIDDEN.to_vec())),
        ("ProtectProc", Variant::from("invisible")),
        ("SystemCallArchitectures", Variant::from(vec!["native"])),
        yes("PrivateTmp"),
        yes("NoNewPrivileges"),
        yes("RestrictSUIDSGID"),
        yes("RestrictRealtime"),
        yes("LockPersonality"),
    ]
}
