//! Locking and replacing `/etc/passwd`, `group`, `shadow` and `gshadow`.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use super::path::Place;
use super::{AccountLock, Owner};

/// The lock file of `lckpwdf` (glibc), which all of shadow-utils, `adduser` and systemd use.
pub(super) const LOCK: &str = "/etc/.pwd.lock";

/// How long we wait for somebody who holds the lock; as long as `lckpwdf` itself.
const PATIENCE: Duration = Duration::from_secs(15);

/// Takes the lock as an open file description lock: it conflicts with the record lock of `lckpwdf`, also
/// between threads, and ends with the descriptor, however we end.
pub(super) fn lock(place: &Place<'_>) -> io::Result<AccountLock> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(&place.parent, place.name, flags, Mode::from_raw_mode(0o600))?;
    let since = Instant::now();
    let mut pause = Duration::from_millis(1);
    loop {
        match try_lock(&file) {
            Ok(()) => return Ok(AccountLock::new(Some(file))),
            Err(error)
                if error.kind() == io::ErrorKind::WouldBlock
                    || error.raw_os_error() == Some(libc::EACCES) =>
            {
                if since.elapsed() >= PATIENCE {
                    return Err(io::Error::other("somebody else has held it for 15 seconds"));
                }
            }
            Err(error) => return Err(error),
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

#[expect(unsafe_code, reason = "no safe wrapper of open file description locks is at hand")]
fn try_lock(file: &OwnedFd) -> io::Result<()> {
    let whole_file = libc::flock {
        l_type: libc::c_short::try_from(libc::F_WRLCK).unwrap_or_default(),
        l_whence: libc::c_short::try_from(libc::SEEK_SET).unwrap_or_default(),
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    // SAFETY: the descriptor is open for the whole call, and the structure is initialised and outlives it;
    // the kernel only reads it.
    let status = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &raw const whole_file) };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Replaces a file, which keeps owner and mode; the former one stays as `<name>-`, as with shadow-utils.
pub(super) fn replace(place: &Place<'_>, bytes: &[u8]) -> io::Result<()> {
    place.demand_safe_parent()?;
    let stat = rustix::fs::statat(&place.parent, place.name, AtFlags::SYMLINK_NOFOLLOW)?;
    let owner = Owner { uid: stat.st_uid, gid: stat.st_gid };
    keep_backup(place)?;
    place.replace(bytes, owner, stat.st_mode & 0o7777)
}

/// The former file itself becomes the backup: one more name, nothing copied.
fn keep_backup(place: &Place<'_>) -> io::Result<()> {
    let name = format!("{}-", place.name);
    let backup = Place { parent: place.parent.try_clone()?, name: &name };
    let temporary = backup.temporary();
    backup.clear(&temporary)?;
    rustix::fs::linkat(&place.parent, place.name, &place.parent, &temporary, AtFlags::empty())?;
    rustix::fs::renameat(&place.parent, &temporary, &place.parent, &name)?;
    // Renaming between two names of one file does nothing at all, so the temporary name may still be there.
    match rustix::fs::unlinkat(&place.parent, &temporary, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}
