//! Removing a directory with all that a tenant has put into it, however deep and however much.

use std::ffi::CString;
use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Dir, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::path::Place;

/// Directories that are held open one inside the other. What lies deeper is moved up first, so that no depth
/// takes more descriptors, or more of the stack, than this.
const DEPTH: usize = 32;

/// Names that are looked at together, so that a directory of millions does not have to fit into memory.
const NAMES: usize = 4096;

/// Removes a directory and everything in it; whether it was there.
pub(super) fn remove_tree(place: &Place<'_>) -> io::Result<bool> {
    place.demand_safe_parent()?;
    let top = match open(&place.parent, place.name) {
        Ok(top) => top,
        Err(Errno::NOENT) => return Ok(false),
        Err(Errno::XDEV) => return Err(mounted()),
        Err(errno) => return Err(errno.into()),
    };
    empty(&top, &top, 0, &mut 0)?;
    rustix::fs::unlinkat(&place.parent, place.name, AtFlags::REMOVEDIR)?;
    rustix::fs::fsync(&place.parent)?;
    Ok(true)
}

fn empty(top: &OwnedFd, dir: &OwnedFd, depth: usize, moved: &mut u64) -> io::Result<()> {
    loop {
        let names = some_names(dir)?;
        if names.is_empty() {
            return Ok(());
        }
        for name in names {
            match rustix::fs::unlinkat(dir, &name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => continue,
                Err(Errno::ISDIR) => {}
                Err(errno) => return Err(errno.into()),
            }
            match rustix::fs::unlinkat(dir, &name, AtFlags::REMOVEDIR) {
                Ok(()) | Err(Errno::NOENT) => continue,
                Err(Errno::NOTEMPTY | Errno::EXIST) => {}
                Err(Errno::BUSY) => return Err(mounted()),
                Err(errno) => return Err(errno.into()),
            }
            if depth + 1 >= DEPTH {
                move_up(top, dir, &name, moved)?;
                continue;
            }
            let child = open(dir, &name).map_err(|errno| match errno {
                Errno::XDEV => mounted(),
                errno => errno.into(),
            })?;
            empty(top, &child, depth + 1, moved)?;
            rustix::fs::unlinkat(dir, &name, AtFlags::REMOVEDIR)?;
        }
    }
}

/// Moves a directory to the top, under a name that is free.
fn move_up(top: &OwnedFd, dir: &OwnedFd, name: &CString, moved: &mut u64) -> io::Result<()> {
    loop {
        *moved += 1;
        let target = format!(".berth-moved-{moved}");
        match rustix::fs::renameat_with(dir, name, top, &target, rustix::fs::RenameFlags::NOREPLACE) {
            Ok(()) => return Ok(()),
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

fn some_names(dir: &OwnedFd) -> io::Result<Vec<CString>> {
    let mut names = Vec::new();
    let mut entries = Dir::read_from(dir)?;
    while names.len() < NAMES
        && let Some(entry) = entries.read()
    {
        let name = entry?.file_name().to_owned();
        if !matches!(name.to_bytes(), b"." | b"..") {
            names.push(name);
        }
    }
    Ok(names)
}

/// Opens a directory, and nothing that is mounted in its place. A volume of btrfs is no mount.
fn open<P: rustix::path::Arg>(parent: &OwnedFd, name: P) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV;
    rustix::fs::openat2(parent, name, flags, Mode::empty(), resolve)
}

fn mounted() -> io::Error {
    io::Error::new(io::ErrorKind::ResourceBusy, "something is mounted in it")
}
