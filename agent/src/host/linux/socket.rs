//! Listening sockets.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::fs::{AtFlags, Gid, Mode, Uid};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use super::Owner;
use super::path::Place;

/// Connections that may wait; the kernel caps it at `net.core.somaxconn`.
const BACKLOG: i32 = 511;

/// Binds under a temporary name and renames it over whatever is there, so that at no time nobody listens.
pub(super) fn bind(place: &Place<'_>, owner: Owner, mode: u32) -> io::Result<OwnedFd> {
    place.demand_safe_parent()?;
    let temporary = place.temporary();
    place.clear(&temporary)?;
    // It blocks: whether it does is a property of the socket, which is handed to PHP, whose workers accept.
    let flags = SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    // The socket file gets the mode of the socket itself: nobody can connect before it has its owner.
    rustix::fs::fchmod(&socket, Mode::empty())?;
    // Through the descriptor of the directory: no link is followed, and no path is too long.
    let address = SocketAddrUnix::new(format!("/proc/self/fd/{}/{temporary}", place.parent.as_raw_fd()))?;
    rustix::net::bind(&socket, &address)?;
    rustix::net::listen(&socket, BACKLOG)?;
    let (uid, gid) = (Uid::from_raw(owner.uid), Gid::from_raw(owner.gid));
    rustix::fs::chownat(&place.parent, &temporary, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
    rustix::fs::chmodat(&place.parent, &temporary, Mode::from_raw_mode(mode), AtFlags::empty())?;
    place.settle(&temporary)?;
    Ok(socket)
}
