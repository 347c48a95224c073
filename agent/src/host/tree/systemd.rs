//! A service manager that only notes what it is asked, and answers as if it had done it.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{fs, io};

use tokio::sync::broadcast;

use super::super::systemd::{PhpUnit, SliceLimits, Systemd, TIMER_PROGRAM, TimerUnit};
use super::super::{HostError, Result};
use super::commands::Commands;

/// The service manager of a tree.
pub struct TreeSystemd {
    root: PathBuf,
    commands: Arc<Commands>,
    state: Mutex<State>,
    forgotten: broadcast::Sender<String>,
    started: broadcast::Sender<String>,
}

#[derive(Default)]
struct State {
    units: BTreeMap<String, String>,
    sessions: BTreeMap<u32, usize>,
    no_managers: bool,
}

impl TreeSystemd {
    pub(super) fn new(root: PathBuf, commands: Arc<Commands>) -> Self {
        // The servers of a real host run.
        let running = ["ssh.service", "nginx.service"].map(|unit| (unit.to_owned(), "active".to_owned()));
        let state = State { units: running.into(), ..State::default() };
        Self {
            root,
            commands,
            state: Mutex::new(state),
            forgotten: broadcast::channel(16).0,
            started: broadcast::channel(16).0,
        }
    }

    /// What logind keeps for a user who lingers.
    fn linger_file(&self, uid: u32) -> io::Result<PathBuf> {
        let passwd = fs::read_to_string(self.root.join("etc/passwd"))?;
        let number = uid.to_string();
        let name = passwd
            .lines()
            .find(|line| line.split(':').nth(2) == Some(&number))
            .and_then(|line| line.split(':').next())
            .ok_or(io::ErrorKind::NotFound)?;
        Ok(self.root.join("var/lib/systemd/linger").join(name))
    }

    fn linger(&self, uid: u32, on: bool) -> io::Result<()> {
        let file = self.linger_file(uid)?;
        if on {
            fs::create_dir_all(file.parent().unwrap_or(&self.root))?;
            return fs::File::create(file).map(drop);
        }
        match fs::remove_file(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Pretends that a user has open sessions.
    pub fn open_sessions(&self, uid: u32, count: usize) {
        self.state().sessions.insert(uid, count);
    }

    /// How many sessions of a user are left.
    pub fn sessions(&self, uid: u32) -> usize {
        self.state().sessions.get(&uid).copied().unwrap_or_default()
    }

    /// Pretends that user managers that are asked for don't come.
    #[cfg(test)]
    pub(crate) fn starts_no_manager(&self, none: bool) {
        self.state().no_managers = none;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Systemd for TreeSystemd {
    fn start_transient_php(&self, unit: &PhpUnit<'_>) -> Result<()> {
        self.commands.note(&format!(
            "org.freedesktop.systemd1 StartTransientUnit {} Slice={} User={} ExecStart={} {} FPM_SOCKETS={}",
            unit.name, unit.slice, unit.user, unit.program, unit.config, unit.socket
        ))?;
        self.state().units.insert(unit.name.to_owned(), "active".to_owned());
        Ok(())
    }

    fn start_transient_timer(&self, unit: &TimerUnit<'_>) -> Result<()> {
        if self.state().units.contains_key(unit.name) {
            let source = io::Error::from(io::ErrorKind::AlreadyExists);
            return Err(HostError::new("start", unit.name, source));
        }
        self.commands.note(&format!(
            "org.freedesktop.systemd1 StartTransientUnit {} Slice={} User={} ExecStart={TIMER_PROGRAM} timer-run {}",
            unit.name, unit.slice, unit.user, unit.timer
        ))
    }

    fn stop_unit(&self, unit: &str) -> Result<()> {
        self.commands.note(&format!("org.freedesktop.systemd1 StopUnit {unit}"))?;
        self.state().units.remove(unit);
        Ok(())
    }

    fn unit_state(&self, unit: &str) -> Result<Option<String>> {
        Ok(self.state().units.get(unit).cloned())
    }

    fn reload_unit(&self, unit: &str) -> Result<()> {
        self.commands.note(&format!("org.freedesktop.systemd1 ReloadUnit {unit}"))
    }

    fn restart_unit(&self, unit: &str) -> Result<()> {
        self.state().units.insert(unit.to_owned(), "active".to_owned());
        self.commands.note(&format!("org.freedesktop.systemd1 RestartUnit {unit}"))
    }

    fn daemon_reload(&self) -> Result<()> {
        self.commands.note("org.freedesktop.systemd1 Reload")
    }

    fn set_linger(&self, uid: u32, on: bool) -> Result<()> {
        self.commands.note(&format!("org.freedesktop.login1 SetUserLinger {uid} {on}"))?;
        self.linger(uid, on).map_err(|error| HostError::new("set lingering of", uid.to_string(), error))?;
        let unit = format!("user@{uid}.service");
        let mut state = self.state();
        if on && !state.no_managers {
            state.units.insert(unit, "active".to_owned());
        } else {
            state.units.remove(&unit);
        }
        Ok(())
    }

    fn end_sessions(&self, uid: u32, service: &str) -> Result<usize> {
        self.commands
            .note(&format!("org.freedesktop.login1 TerminateSession of {uid}, service {service}"))?;
        Ok(self.state().sessions.remove(&uid).unwrap_or_default())
    }

    fn forget_failure(&self, _unit: &str) -> Result<()> {
        Ok(())
    }

    fn kill_slice(&self, slice: &str) -> Result<()> {
        // What the kernel would show of a slice without processes.
        let group = self.root.join("sys/fs/cgroup/user.slice").join(slice);
        if group.is_dir() {
            fs::remove_dir_all(&group).map_err(|error| HostError::new("kill", slice, error))?;
        }
        self.commands.note(&format!("org.freedesktop.systemd1 KillUnit {slice} all 9"))
    }

    fn kill_unit(&self, unit: &str) -> Result<()> {
        self.state().units.remove(unit);
        self.commands.note(&format!("org.freedesktop.systemd1 KillUnit {unit} all 9"))
    }

    fn set_slice(&self, slice: &str, limits: &SliceLimits) -> Result<()> {
        let files = limits.kernel_files("8:0");
        let values: Vec<String> =
            files.iter().map(|(file, text)| format!("{file}={}", text.trim())).collect();
        self.commands.note(&format!(
            "org.freedesktop.systemd1 SetUnitProperties {slice} runtime {}",
            values.join(" ")
        ))?;
        // What the kernel would do, if the slice is active.
        let group = self.root.join("sys/fs/cgroup/user.slice").join(slice);
        if group.is_dir() {
            for (file, text) in files {
                super::atomic::replace(&group.join(file), text.as_bytes(), 0o644)
                    .map_err(|error| HostError::new("limit", slice, error))?;
            }
        }
        Ok(())
    }

    fn store_listener(&self, _listener: &Arc<OwnedFd>) -> Result<()> {
        self.commands.note("sd_notify FDSTORE=1")
    }

    fn stored_listeners(&self) -> Vec<Arc<OwnedFd>> {
        Vec::new()
    }

    fn forgotten_units(&self) -> broadcast::Receiver<String> {
        self.forgotten.subscribe()
    }

    fn started_slices(&self) -> broadcast::Receiver<String> {
        self.started.subscribe()
    }
}
