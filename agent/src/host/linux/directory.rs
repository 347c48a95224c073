//! Directories: made complete, corrected by descriptor, moved without replacing anything.

use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, RenameFlags, XattrFlags};
use rustix::io::Errno;

use super::path::{self, Place};
use super::{Attributes, NewFile, describe};

/// Name of the attribute that holds an access control list.
pub(super) const ACL_NAME: &str = "system.posix_acl_access";

/// Makes a directory under a temporary name and renames it once it is complete. Giving it to its owner is the
/// last step but the rename: until then nobody but root can enter it, and a left-over that has its owner is
/// complete.
///
/// The files are on the disk before the directory shows up. The directory itself is not waited for: file systems
/// with a journal keep the order of what is done to names and owners, and one that a power failure took back is
/// made again by the first audit.
pub(super) fn make(place: &Place<'_>, attributes: &Attributes, files: &[NewFile<'_>]) -> io::Result<()> {
    place.demand_safe_parent()?;
    let temporary = place.temporary();
    let left = Place { parent: place.parent.try_clone()?, name: &temporary };
    if !is_complete(&left, attributes)? {
        sweep(&left)?;
        rustix::fs::mkdirat(&place.parent, &temporary, Mode::from_raw_mode(0o700))?;
        let dir = open_dir(&left)?;
        for file in files {
            path::write_new(&dir, file.name, file.bytes, file.owner, file.mode)?;
        }
        apply(&dir, attributes)?;
    }
    let noreplace = RenameFlags::NOREPLACE;
    Ok(rustix::fs::renameat_with(&place.parent, &temporary, &place.parent, place.name, noreplace)?)
}

/// Makes an empty volume in the same way. It is not synced: there is no cheaper way to sync a new volume than to
/// commit everything, which the first file or directory that is synced inside does; until then there is nothing
/// that could be lost.
pub(super) fn make_volume(
    place: &Place<'_>,
    attributes: &Attributes,
    make_empty: impl FnOnce(&OwnedFd, &str) -> io::Result<()>,
) -> io::Result<()> {
    place.demand_safe_parent()?;
    let temporary = place.temporary();
    let left = Place { parent: place.parent.try_clone()?, name: &temporary };
    sweep(&left)?;
    make_empty(&place.parent, &temporary)?;
    apply(&open_dir(&left)?, attributes)?;
    let (parent, name) = (&place.parent, place.name);
    Ok(rustix::fs::renameat_with(parent, &temporary, parent, name, RenameFlags::NOREPLACE)?)
}

fn is_complete(left: &Place<'_>, attributes: &Attributes) -> io::Result<bool> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::openat(&left.parent, left.name, flags, Mode::empty()) {
        // What root owns could be complete or not: it is made again.
        Ok(descriptor) => {
            let found = describe(&descriptor)?;
            Ok(found.is_dir() && found.attributes == *attributes && found.attributes.owner.uid != 0)
        }
        Err(Errno::NOENT) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

/// Removes what a crash left of a directory that was being made: files of ours, nothing deeper.
fn sweep(left: &Place<'_>) -> io::Result<()> {
    let dir = match open_dir(left) {
        Ok(dir) => dir,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut entries = Dir::read_from(&dir)?;
    while let Some(entry) = entries.read() {
        let entry = entry?;
        if entry.file_type() != FileType::Directory {
            rustix::fs::unlinkat(&dir, entry.file_name(), AtFlags::empty())?;
        }
    }
    Ok(rustix::fs::unlinkat(&left.parent, left.name, AtFlags::REMOVEDIR)?)
}

/// Corrects owner, mode and ACL of what exists.
pub(super) fn set_attributes(place: &Place<'_>, attributes: &Attributes) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let descriptor = rustix::fs::openat(&place.parent, place.name, flags, Mode::empty())?;
    apply(&descriptor, attributes)?;
    Ok(rustix::fs::fsync(&descriptor)?)
}

fn apply(descriptor: &OwnedFd, attributes: &Attributes) -> io::Result<()> {
    if attributes.acl.is_empty() {
        match rustix::fs::fremovexattr(descriptor, ACL_NAME) {
            Ok(()) | Err(Errno::NODATA | Errno::OPNOTSUPP) => {}
            Err(errno) => return Err(errno.into()),
        }
        rustix::fs::fchmod(descriptor, Mode::from_raw_mode(attributes.mode))?;
    } else {
        // The list holds all nine permission bits, and setting it changes the mode; changing the mode
        // afterwards would change the list's mask instead of the group.
        let bytes = attributes.acl.encode(attributes.mode);
        rustix::fs::fsetxattr(descriptor, ACL_NAME, &bytes, XattrFlags::empty())?;
    }
    path::own(descriptor, attributes.owner)
}

/// Moves a directory to a name that is free.
pub(super) fn rename(from: &Place<'_>, to: &Place<'_>) -> io::Result<()> {
    from.demand_safe_parent()?;
    to.demand_safe_parent()?;
    let stat = rustix::fs::statat(&from.parent, from.name, AtFlags::SYMLINK_NOFOLLOW)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
        return Err(io::Error::other("it is not a directory"));
    }
    rustix::fs::renameat_with(&from.parent, from.name, &to.parent, to.name, RenameFlags::NOREPLACE)?;
    rustix::fs::fsync(&to.parent)?;
    Ok(rustix::fs::fsync(&from.parent)?)
}

fn open_dir(place: &Place<'_>) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(&place.parent, place.name, flags, Mode::empty())?)
}
