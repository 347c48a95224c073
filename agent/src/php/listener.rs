//! Listeners of tenants' PHP.
//!
//! A listener that a tenant's process has held is disposable: the process can copy it, keep it and shut it
//! down for everybody. So the agent looks whether it still works, and ends it for all of its holders when it
//! is done with it.

use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::net::{Shutdown, SocketAddrUnix};

/// What the kernel says of a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It works and nobody waits.
    Quiet,
    /// It works and at least one connection waits.
    Waiting,
    /// Somebody has shut it down; nobody can connect to it any more.
    Dead,
}

/// Looks at a listener, without waiting and without touching a connection.
pub fn health(listener: &OwnedFd) -> Health {
    let interest = PollFlags::IN | PollFlags::RDHUP;
    let mut polled = [PollFd::new(listener, interest)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    match rustix::event::poll(&mut polled, Some(&at_once)) {
        Ok(0) | Err(rustix::io::Errno::INTR) => return Health::Quiet,
        Ok(_) => {}
        Err(_) => return Health::Dead,
    }
    let [polled] = polled;
    let seen = polled.revents();
    if seen.intersects(PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
        Health::Dead
    } else {
        Health::Waiting
    }
}

/// Ends a listener for everybody who holds it, whoever that is. The service manager takes it out of its store.
pub fn end(listener: &OwnedFd) {
    if let Err(errno) = rustix::net::shutdown(listener, Shutdown::Both) {
        tracing::warn!(%errno, "a listener could not be shut down");
    }
}

/// The number of the tenant whose listener this is: its address ends in `<uid>.sock`, see
/// [`Host::bind_socket`](crate::host::Host::bind_socket).
pub fn owner(listener: &OwnedFd) -> Option<u32> {
    let address = SocketAddrUnix::try_from(rustix::net::getsockname(listener).ok()?).ok()?;
    let path = address.path()?.to_str().ok()?.to_owned();
    let name = path.rsplit('/').next()?.strip_suffix(".sock")?;
    name.rsplit(['-', '.']).next()?.parse().ok()
}
