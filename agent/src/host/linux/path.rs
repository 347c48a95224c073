//! Resolving paths without following a link, and changing what is in a directory by descriptor.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Gid, Mode, OFlags, ResolveFlags, Uid};
use rustix::io::Errno;

use super::{HostError, Owner, Result, TEMPORARY};

/// A name in a directory that is held open.
pub(super) struct Place<'a> {
    pub(super) parent: OwnedFd,
    pub(super) name: &'a str,
}

impl<'a> Place<'a> {
    /// Opens the parent of an absolute path. No component may be a link, so nobody who can write to one of the
    /// directories on the way can lead us elsewhere.
    pub(super) fn open(root: &Path, operation: &'static str, path: &'a str) -> Result<Self> {
        let malformed = || HostError::because(operation, path, "the path is not absolute and plain");
        let relative = path.strip_prefix('/').ok_or_else(malformed)?;
        if relative.split('/').any(|part| matches!(part, "" | "." | "..")) || relative.contains('\0') {
            return Err(malformed());
        }
        let (dir, name) = relative.rsplit_once('/').unwrap_or((".", relative));
        let failed = |errno: Errno| HostError::new(operation, path, errno);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::openat(CWD, root, flags, Mode::empty()).map_err(failed)?;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let parent = rustix::fs::openat2(&root, dir, flags, Mode::empty(), resolve).map_err(failed)?;
        Ok(Self { parent, name })
    }

    /// Refuses a directory that somebody else could change under our hands.
    pub(super) fn demand_safe_parent(&self) -> io::Result<()> {
        let stat = rustix::fs::fstat(&self.parent)?;
        if stat.st_uid == rustix::process::geteuid().as_raw() && stat.st_mode & 0o022 == 0 {
            Ok(())
        } else {
            Err(io::Error::other("others than root can write to its directory"))
        }
    }

    /// The name under which the thing is made before it gets its own.
    pub(super) fn temporary(&self) -> String {
        format!("{TEMPORARY}{}", self.name)
    }

    /// Reads a regular file.
    pub(super) fn read(&self, max: usize) -> io::Result<Option<Vec<u8>>> {
        // Without NONBLOCK, opening a FIFO would wait for a writer.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(&self.parent, self.name, flags, Mode::empty()) {
            Ok(descriptor) => std::fs::File::from(descriptor),
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(errno.into()),
        };
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        let limit = u64::try_from(max).unwrap_or(u64::MAX);
        let mut bytes = Vec::with_capacity(usize::try_from(metadata.len().min(limit)).unwrap_or_default());
        let read = file.take(limit + 1).read_to_end(&mut bytes)?;
        if read > max {
            return Err(io::Error::other(format!("it is larger than {max} bytes")));
        }
        Ok(Some(bytes))
    }

    /// Writes a complete file under the temporary name and gives it its own.
    pub(super) fn replace(&self, bytes: &[u8], owner: Owner, mode: u32) -> io::Result<()> {
        let temporary = self.temporary();
        self.clear(&temporary)?;
        write_new(&self.parent, &temporary, bytes, owner, mode)?;
        self.settle(&temporary)
    }

    /// Whether there is anything of that name.
    pub(super) fn is_taken(&self) -> io::Result<bool> {
        match rustix::fs::statat(&self.parent, self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Renames a temporary name to the real one and makes that last.
    pub(super) fn settle(&self, temporary: &str) -> io::Result<()> {
        rustix::fs::renameat(&self.parent, temporary, &self.parent, self.name)?;
        Ok(rustix::fs::fsync(&self.parent)?)
    }

    /// Removes what a crash left under a temporary name.
    pub(super) fn clear(&self, temporary: &str) -> io::Result<()> {
        match rustix::fs::unlinkat(&self.parent, temporary, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Removes the name; says whether it was there.
    pub(super) fn remove(&self, flags: AtFlags) -> io::Result<bool> {
        match rustix::fs::unlinkat(&self.parent, self.name, flags) {
            Ok(()) => {
                rustix::fs::fsync(&self.parent)?;
                Ok(true)
            }
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }
}

/// Makes a file that did not exist, complete and on disk. Nobody else can open it before it has its owner.
pub(super) fn write_new(dir: &OwnedFd, name: &str, bytes: &[u8], owner: Owner, mode: u32) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let descriptor = rustix::fs::openat(dir, name, flags, Mode::from_raw_mode(0o600))?;
    let mut file = std::fs::File::from(descriptor);
    file.write_all(bytes)?;
    own(&file, owner)?;
    rustix::fs::fchmod(&file, Mode::from_raw_mode(mode))?;
    file.sync_all()
}

/// Gives a file or directory to an owner.
pub(super) fn own(descriptor: impl AsFd, owner: Owner) -> io::Result<()> {
    let (uid, gid) = (Uid::from_raw(owner.uid), Gid::from_raw(owner.gid));
    Ok(rustix::fs::fchown(descriptor, Some(uid), Some(gid))?)
}
