//! The service manager's descriptor store (`sd_pid_notify_with_fds(3)`, `sd_listen_fds(3)`).

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;

use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags,
    SocketType,
};

/// Puts a descriptor into the store. Does nothing if no service manager has started us.
pub(super) fn park(descriptor: BorrowedFd<'_>) -> io::Result<()> {
    let Some(path) = std::env::var_os("NOTIFY_SOCKET") else { return Ok(()) };
    let address = match path.as_bytes() {
        [b'@', name @ ..] => SocketAddrUnix::new_abstract_name(name)?,
        path => SocketAddrUnix::new(path)?,
    };
    let socket =
        rustix::net::socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    let descriptors = [descriptor];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(io::Error::other("the descriptor does not fit into a message"));
    }
    let text = [IoSlice::new(b"FDSTORE=1\nFDNAME=\n")];
    rustix::net::sendmsg_addr(&socket, &address, &text, &mut ancillary, SendFlags::empty())?;
    Ok(())
}

/// The descriptors that the service manager has given to this process.
pub(super) fn inherited() -> Vec<OwnedFd> {
    let descriptors = match sd_notify::listen_fds() {
        Ok(descriptors) => descriptors,
        Err(error) => {
            tracing::warn!(%error, "the service manager's descriptors can't be read; sockets are made anew");
            return Vec::new();
        }
    };
    descriptors.map(own).collect()
}

#[expect(unsafe_code, reason = "descriptors that come with the process have no owner yet")]
fn own(descriptor: RawFd) -> OwnedFd {
    // SAFETY: the service manager opened it for this process (LISTEN_PID names it), and this is the only
    // place that takes it: `SystemdBus::new` runs once, before anything else opens files.
    unsafe { OwnedFd::from_raw_fd(descriptor) }
}
