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

/// Descriptors with which `daemon-reload` still takes about a second.
const QUICK: usize = 1000;

/// How many descriptors the service manager may be burdened with. It opens each of them itself, and once more
/// while it reloads or executes itself anew; when it has none left it answers nobody, for the whole machine,
/// or ends. So it gets two fifths of its limit, and a fifth stays free at all times.
///
/// There is a second bound: systemd 257 compares each descriptor with all others when it reads its state back,
/// so that the time of `daemon-reload` grows with the square (measured: 1,000 take 1.6 seconds, 4,000 take 18).
pub(super) fn capacity() -> usize {
    // What can't be read is taken for what Linux gives by default.
    let limits = std::fs::read_to_string("/proc/1/limits").unwrap_or_default();
    (open_files(&limits).unwrap_or(1024) / 5 * 2).min(QUICK)
}

/// The soft limit in the text of `/proc/<pid>/limits`.
fn open_files(limits: &str) -> Option<usize> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(usize::MAX),
        number => number.parse().ok(),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_read_as_the_kernel_writes_it() {
        let line = |soft: &str| {
            format!(
                "Limit   Soft Limit   Hard Limit   Units\nMax processes 5 5 processes\nMax open files            {soft}                20000                files     \n"
            )
        };
        assert_eq!(open_files(&line("1024")), Some(1024));
        assert_eq!(open_files(&line("unlimited")), Some(usize::MAX));
        assert_eq!(open_files("Max processes 5 5"), None);
        assert!((1..=QUICK).contains(&capacity()));
    }
}
