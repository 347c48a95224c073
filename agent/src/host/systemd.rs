//! What the agent asks of the service and login managers.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;

use berth_core::account::Uid;
use tokio::sync::broadcast;

use super::Result;

/// What runs a timer once.
pub const TIMER_PROGRAM: &str = "/usr/bin/berth";

/// systemd and logind.
pub trait Systemd: Send + Sync {
    /// Starts a tenant's PHP as a transient unit.
    fn start_transient_php(&self, unit: &PhpUnit<'_>) -> Result<()>;
    /// Starts a run of a tenant's timer as a transient unit; an error of the kind `AlreadyExists` if one runs.
    fn start_transient_timer(&self, unit: &TimerUnit<'_>) -> Result<()>;
    /// Stops a unit and waits for its end; no error if there is none.
    fn stop_unit(&self, unit: &str) -> Result<()>;
    /// `ActiveState` of a unit, `None` if it is not loaded.
    fn unit_state(&self, unit: &str) -> Result<Option<String>>;
    /// Reloads a unit and waits for the job's result.
    fn reload_unit(&self, unit: &str) -> Result<()>;
    /// Restarts a unit and waits for the job's result.
    fn restart_unit(&self, unit: &str) -> Result<()>;
    /// Makes systemd read its unit files again.
    fn daemon_reload(&self) -> Result<()>;
    /// Switches lingering of a user on or off.
    fn set_linger(&self, uid: u32, on: bool) -> Result<()>;
    /// Ends all sessions of a user that a service such as `sshd` opened; says how many.
    fn end_sessions(&self, uid: u32, service: &str) -> Result<usize>;
    /// Kills every process of a slice.
    fn kill_slice(&self, slice: &str) -> Result<()>;
    /// Kills every process of a unit; no error if there is none.
    fn kill_unit(&self, unit: &str) -> Result<()>;
    /// Has a unit that failed be forgotten; no error if there is none, or if it did not fail.
    fn forget_failure(&self, unit: &str) -> Result<()>;
    /// Limits what a slice that is active may use, until the machine is restarted.
    fn set_slice(&self, slice: &str, limits: &SliceLimits) -> Result<()>;
    /// Has a listener outlive the agent: restart, upgrade and kill. One that is shut down is forgotten. Whose a
    /// listener is, is said by the address that it was bound to.
    fn store_listener(&self, listener: &Arc<OwnedFd>) -> Result<()>;
    /// Takes over the listeners of an earlier agent. They are given out once.
    fn stored_listeners(&self) -> Vec<Arc<OwnedFd>>;
    /// Names of units that systemd has just forgotten, because they ended. Signals may be lost; whoever needs
    /// to know looks again now and then.
    fn forgotten_units(&self) -> broadcast::Receiver<String>;
    /// Names of slices of users that systemd has just made active. As with ends, signals may be lost.
    fn started_slices(&self) -> broadcast::Receiver<String>;
}

/// What everything in a slice may use together; `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SliceLimits {
    /// Microseconds of computing per second.
    pub cpu: Option<u64>,
    /// Bytes of memory above which the kernel slows down and takes back.
    pub memory_high: Option<u64>,
    /// Bytes of memory above which processes are ended.
    pub memory_max: Option<u64>,
    /// Processes and threads.
    pub tasks: Option<u64>,
    /// Bytes per second that are read from the device of the homes, and as many that are written to it.
    pub io: Option<u64>,
}

impl SliceLimits {
    /// The kernel's files with these limits, for the device of this number.
    pub(crate) fn kernel_files(&self, device: &str) -> [(&'static str, String); 5] {
        let word = |limit: Option<u64>| limit.map_or_else(|| "max".to_owned(), |limit| limit.to_string());
        let io = self.io.map(|io| format!("{device} rbps={io} wbps={io} riops=max wiops=max\n"));
        [
            ("cpu.max", format!("{} 1000000\n", word(self.cpu))),
            ("memory.high", format!("{}\n", word(self.memory_high))),
            ("memory.max", format!("{}\n", word(self.memory_max))),
            ("pids.max", format!("{}\n", word(self.tasks))),
            ("io.max", io.unwrap_or_default()),
        ]
    }
}

/// What a run of a tenant's timer is started with.
#[derive(Debug, Clone)]
pub struct TimerUnit<'a> {
    /// Name of the unit.
    pub name: &'a str,
    /// The tenant's slice.
    pub slice: &'a str,
    /// Number of the tenant's user.
    pub uid: Uid,
    /// Name of the tenant's user.
    pub user: &'a str,
    /// The timer.
    pub timer: &'a str,
}

/// What a tenant's PHP is started with.
#[derive(Debug, Clone)]
pub struct PhpUnit<'a> {
    /// Name of the unit.
    pub name: &'a str,
    /// The tenant's slice.
    pub slice: &'a str,
    /// Name of the tenant's user.
    pub user: &'a str,
    /// Where it may write.
    pub home: &'a str,
    /// Absolute path of PHP-FPM.
    pub program: &'a str,
    /// Path of the pool's configuration.
    pub config: &'a str,
    /// Settings of PHP that only count when it starts, as `name=value`.
    pub settings: &'a [&'a str],
    /// Path of the socket, for `FPM_SOCKETS`.
    pub socket: &'a str,
    /// The listener.
    pub listener: BorrowedFd<'a>,
}
