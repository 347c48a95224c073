//! systemd and logind over D-Bus.
//!
//! Only the few calls that the agent needs, written by hand. Each blocks its thread and ends within a bound.

mod bus;
mod login;
mod notify;
mod php;
mod slice;
mod store;
mod timer;

use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};

use tokio::sync::broadcast;
use zbus::{OwnedObjectPath, OwnedVariant};

use crate::host::systemd::{PhpUnit, SliceLimits, TimerUnit};
use crate::host::{HostError, Result, Systemd};
use bus::{Bus, CALL_PATIENCE, RELOAD_PATIENCE, Target};
use store::Store;

const SYSTEMD: Target = Target {
    service: "org.freedesktop.systemd1",
    path: "/org/freedesktop/systemd1",
    interface: "org.freedesktop.systemd1.Manager",
};
const NO_SUCH_UNIT: &str = "org.freedesktop.systemd1.NoSuchUnit";
const UNIT_EXISTS: &str = "org.freedesktop.systemd1.UnitExists";
const SIGKILL: i32 = 9;

/// The managers of this machine.
pub struct SystemdBus {
    bus: Bus,
    store: Store,
    /// Listeners of an earlier agent that nobody has asked for yet.
    stored: Mutex<Vec<Arc<OwnedFd>>>,
}

impl SystemdBus {
    /// A client that connects with its first call, and again after the bus was gone. Takes the descriptors
    /// that the service manager has kept for this process, so it is made once, before anything opens files.
    pub fn new() -> Result<Self> {
        let (store, stored) = Store::open(notify::inherited());
        Ok(Self { bus: Bus::new()?, store, stored: Mutex::new(stored) })
    }

    /// Queues a job and waits for its end.
    fn job<B>(&self, operation: &'static str, unit: &str, member: &'static str, body: &B) -> Result<()>
    where
        B: serde::Serialize + zbus::DynamicType + Sync,
    {
        self.bus.block(operation, unit, self.bus.job(SYSTEMD, member, body))
    }

    fn start_transient(&self, unit: &str, properties: Vec<(&'static str, zbus::Variant<'_>)>) -> Result<()> {
        let auxiliary: Vec<(&str, Vec<(&str, zbus::Variant<'_>)>)> = Vec::new();
        let body = (unit, "fail", properties, auxiliary);
        match self.bus.run(self.bus.job(SYSTEMD, "StartTransientUnit", &body)) {
            Ok(()) => Ok(()),
            Err(error) if error.is(UNIT_EXISTS) => {
                let source = std::io::Error::new(std::io::ErrorKind::AlreadyExists, "it exists already");
                Err(HostError::new("start", unit, source))
            }
            Err(error) => Err(error.about("start", unit)),
        }
    }

    fn kill(&self, unit: &str) -> Result<()> {
        let body = (unit, "all", SIGKILL);
        match self.bus.run(self.bus.call(SYSTEMD, "KillUnit", &body, CALL_PATIENCE)) {
            Ok(_) => Ok(()),
            // A unit without processes is as dead as one that is not there.
            Err(error) if error.is(NO_SUCH_UNIT) || error.is("org.freedesktop.systemd1.NoSuchProcess") => {
                Ok(())
            }
            Err(error) => Err(error.about("kill", unit)),
        }
    }
}

impl Systemd for SystemdBus {
    fn start_transient_php(&self, unit: &PhpUnit<'_>) -> Result<()> {
        self.start_transient(unit.name, php::properties(unit)?)
    }

    fn start_transient_timer(&self, unit: &TimerUnit<'_>) -> Result<()> {
        self.start_transient(unit.name, timer::properties(unit))
    }

    fn stop_unit(&self, unit: &str) -> Result<()> {
        match self.bus.run(self.bus.job(SYSTEMD, "StopUnit", &(unit, "replace"))) {
            Ok(()) => Ok(()),
            Err(error) if error.is(NO_SUCH_UNIT) => Ok(()),
            Err(error) => Err(error.about("stop", unit)),
        }
    }

    fn unit_state(&self, unit: &str) -> Result<Option<String>> {
        let state = async {
            let reply = match self.bus.call(SYSTEMD, "GetUnit", &(unit,), CALL_PATIENCE).await {
                Ok(reply) => reply,
                Err(error) if error.is(NO_SUCH_UNIT) => return Ok(None),
                Err(error) => return Err(error),
            };
            let path: OwnedObjectPath = reply.body().deserialize()?;
            let state: OwnedVariant = self
                .bus
                .property(SYSTEMD.service, path.as_str(), "org.freedesktop.systemd1.Unit", "ActiveState")
                .await?;
            Ok(Some(String::try_from(state)?))
        };
        self.bus.block("look at", unit, state)
    }

    fn reload_unit(&self, unit: &str) -> Result<()> {
        self.job("reload", unit, "ReloadUnit", &(unit, "replace"))
    }

    fn restart_unit(&self, unit: &str) -> Result<()> {
        self.job("restart", unit, "RestartUnit", &(unit, "replace"))
    }

    fn daemon_reload(&self) -> Result<()> {
        let call = self.bus.call(SYSTEMD, "Reload", &(), RELOAD_PATIENCE);
        self.bus.block("reload", "the unit files", async { call.await.map(drop) })
    }

    fn set_linger(&self, uid: u32, on: bool) -> Result<()> {
        self.bus.block("set lingering of", &uid.to_string(), login::set_linger(&self.bus, uid, on))
    }

    fn end_sessions(&self, uid: u32, service: &str) -> Result<usize> {
        self.bus.block("end sessions of", &uid.to_string(), login::end_sessions(&self.bus, uid, service))
    }

    fn kill_slice(&self, slice: &str) -> Result<()> {
        self.kill(slice)
    }

    fn kill_unit(&self, unit: &str) -> Result<()> {
        self.kill(unit)
    }

    fn forget_failure(&self, unit: &str) -> Result<()> {
        match self.bus.run(self.bus.call(SYSTEMD, "ResetFailedUnit", &(unit,), CALL_PATIENCE)) {
            Ok(_) => Ok(()),
            Err(error) if error.is(NO_SUCH_UNIT) => Ok(()),
            Err(error) => Err(error.about("forget the failure of", unit)),
        }
    }

    fn set_slice(&self, slice: &str, limits: &SliceLimits) -> Result<()> {
        let body = (slice, true, slice::properties(limits));
        let call = self.bus.call(SYSTEMD, "SetUnitProperties", &body, CALL_PATIENCE);
        self.bus.block("limit", slice, async { call.await.map(drop) })
    }

    fn store_listener(&self, listener: &Arc<OwnedFd>) -> Result<()> {
        self.store.keep(listener);
        Ok(())
    }

    fn stored_listeners(&self) -> Vec<Arc<OwnedFd>> {
        self.stored.lock().map(|mut stored| std::mem::take(&mut *stored)).unwrap_or_default()
    }

    fn forgotten_units(&self) -> broadcast::Receiver<String> {
        self.bus.forgotten()
    }

    fn started_slices(&self) -> broadcast::Receiver<String> {
        self.bus.started()
    }
}
