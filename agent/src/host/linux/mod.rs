//! The real host.

mod account_files;
pub mod atomic;
mod directory;
mod nft;
mod path;
mod program;
mod quota;
mod removal;
mod socket;
pub mod systemd;
pub mod watch;

use std::os::fd::OwnedFd;
use std::path::PathBuf;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::{
    AccountLock, Acl, Answer, Attributes, Entry, Firewall, Host, HostError, Kind, NewFile, Owner, Program,
    Quotas, READ_MAX, Result, Systemd,
};
use path::Place;

/// A Linux system below a root directory.
pub struct LinuxHost {
    root: PathBuf,
    systemd: Box<dyn Systemd>,
    firewall: nft::NetlinkFirewall,
}

/// Beginning of the names that only exist while something is being made.
const TEMPORARY: &str = ".berth-tmp-";

impl LinuxHost {
    /// This machine.
    pub fn new(systemd: Box<dyn Systemd>) -> Self {
        Self::below(PathBuf::from("/"), systemd)
    }

    /// A system whose root directory is elsewhere.
    pub fn below(root: PathBuf, systemd: Box<dyn Systemd>) -> Self {
        Self { root, systemd, firewall: nft::NetlinkFirewall::default() }
    }

    fn place<'a>(&self, operation: &'static str, path: &'a str) -> Result<Place<'a>> {
        Place::open(&self.root, operation, path)
    }

    /// The parent of a path, or `None` if it does not exist.
    fn existing_place<'a>(&self, operation: &'static str, path: &'a str) -> Result<Option<Place<'a>>> {
        match self.place(operation, path) {
            Ok(place) => Ok(Some(place)),
            Err(error) if error.is(Errno::NOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The first names of a directory, without temporary ones of ours.
    fn names(&self, dir: &str, max: usize) -> Result<Vec<String>> {
        let operation = "list";
        let failed = |errno: Errno| HostError::new(operation, dir, errno);
        let Some(place) = self.existing_place(operation, dir)? else { return Ok(Vec::new()) };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let descriptor = match rustix::fs::openat(&place.parent, place.name, flags, Mode::empty()) {
            Ok(descriptor) => descriptor,
            Err(Errno::NOENT) => return Ok(Vec::new()),
            Err(errno) => return Err(failed(errno)),
        };
        let mut names = Vec::new();
        for entry in Dir::new(descriptor).map_err(failed)? {
            if names.len() >= max {
                break;
            }
            // A name that is no UTF-8 can't be one of ours and can't be confused with one.
            let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
            if name != "." && name != ".." && !name.starts_with(TEMPORARY) {
                names.push(name);
            }
        }
        Ok(names)
    }
}

impl Host for LinuxHost {
    fn entry(&self, path: &str) -> Result<Option<Entry>> {
        let operation = "look at";
        let Some(place) = self.existing_place(operation, path)? else { return Ok(None) };
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let descriptor = match rustix::fs::openat(&place.parent, place.name, flags, Mode::empty()) {
            Ok(descriptor) => descriptor,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(HostError::new(operation, path, errno)),
        };
        describe(&descriptor).map(Some).map_err(|errno| HostError::new(operation, path, errno))
    }

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let operation = "read";
        let Some(place) = self.existing_place(operation, path)? else { return Ok(None) };
        place.read(READ_MAX).map_err(|error| HostError::new(operation, path, error))
    }

    fn read_at_most(&self, path: &str, max: usize) -> Result<Option<Vec<u8>>> {
        let operation = "read";
        let Some(place) = self.existing_place(operation, path)? else { return Ok(None) };
        place.read(max).map_err(|error| HostError::new(operation, path, error))
    }

    fn list_at_most(&self, dir: &str, max: usize) -> Result<Vec<String>> {
        self.names(dir, max)
    }

    fn list(&self, dir: &str) -> Result<Vec<String>> {
        let mut names = self.names(dir, usize::MAX)?;
        names.sort();
        Ok(names)
    }

    fn replace_file(&self, path: &str, bytes: &[u8], owner: Owner, mode: u32) -> Result<()> {
        let operation = "replace";
        let place = self.place(operation, path)?;
        place
            .demand_safe_parent()
            .and_then(|()| place.replace(bytes, owner, mode))
            .map_err(|error| HostError::new(operation, path, error))
    }

    fn remove_file(&self, path: &str) -> Result<bool> {
        let operation = "remove";
        let Some(place) = self.existing_place(operation, path)? else { return Ok(false) };
        place.remove(AtFlags::empty()).map_err(|error| HostError::new(operation, path, error))
    }

    fn replace_link(&self, path: &str, target: &str) -> Result<()> {
        let operation = "link";
        let place = self.place(operation, path)?;
        let temporary = place.temporary();
        place
            .demand_safe_parent()
            .and_then(|()| {
                place.clear(&temporary)?;
                rustix::fs::symlinkat(target, &place.parent, &temporary)?;
                if place.is_taken()? {
                    return place.settle(&temporary);
                }
                // A new link that a power failure takes back leads nowhere until the first audit; one that was
                // pointed elsewhere must never lead to where it did before.
                Ok(rustix::fs::renameat(&place.parent, &temporary, &place.parent, place.name)?)
            })
            .map_err(|error| HostError::new(operation, path, error))
    }

    fn make_dir(&self, path: &str, attributes: &Attributes, files: &[NewFile<'_>]) -> Result<()> {
        let operation = "make directory";
        let place = self.place(operation, path)?;
        directory::make(&place, attributes, files).map_err(|error| HostError::new(operation, path, error))
    }

    fn make_volume(&self, path: &str, attributes: &Attributes) -> Result<()> {
        let operation = "make directory";
        let place = self.place(operation, path)?;
        quota::is_btrfs(&place.parent)
            .and_then(|btrfs| {
                if btrfs {
                    directory::make_volume(&place, attributes, quota::create_volume)
                } else {
                    directory::make(&place, attributes, &[])
                }
            })
            .map_err(|error| HostError::new(operation, path, error))
    }

    fn remove_dir(&self, path: &str) -> Result<bool> {
        let operation = "remove directory";
        let Some(place) = self.existing_place(operation, path)? else { return Ok(false) };
        place.remove(AtFlags::REMOVEDIR).map_err(|error| HostError::new(operation, path, error))
    }

    fn remove_tree(&self, path: &str) -> Result<bool> {
        let operation = "remove all of";
        let Some(place) = self.existing_place(operation, path)? else { return Ok(false) };
        removal::remove_tree(&place).map_err(|error| HostError::new(operation, path, error))
    }

    fn set_attributes(&self, path: &str, attributes: &Attributes) -> Result<()> {
        let operation = "set owner and permissions of";
        let place = self.place(operation, path)?;
        directory::set_attributes(&place, attributes).map_err(|error| HostError::new(operation, path, error))
    }

    fn move_dir(&self, from: &str, to: &str) -> Result<()> {
        let operation = "move";
        let source = self.place(operation, from)?;
        let target = self.place(operation, to)?;
        directory::rename(&source, &target)
            .map_err(|error| HostError::new(operation, format!("{from} to {to}"), error))
    }

    fn lock_account_files(&self) -> Result<AccountLock> {
        let path = account_files::LOCK;
        let place = self.place("lock", path)?;
        account_files::lock(&place).map_err(|error| HostError::new("lock", path, error))
    }

    fn replace_account_file(&self, _lock: &AccountLock, path: &str, bytes: &[u8]) -> Result<()> {
        let operation = "replace";
        let place = self.place(operation, path)?;
        account_files::replace(&place, bytes).map_err(|error| HostError::new(operation, path, error))
    }

    fn bind_socket(&self, path: &str, owner: Owner, mode: u32) -> Result<OwnedFd> {
        let operation = "bind";
        let place = self.place(operation, path)?;
        socket::bind(&place, owner, mode).map_err(|error| HostError::new(operation, path, error))
    }

    fn run(&self, program: Program) -> Result<Answer> {
        program::run(program)
    }

    fn quotas(&self) -> &dyn Quotas {
        self
    }

    fn firewall(&self) -> &dyn Firewall {
        &self.firewall
    }

    fn systemd(&self) -> &dyn Systemd {
        self.systemd.as_ref()
    }
}

/// What is behind a descriptor that was opened with `O_PATH`.
fn describe(descriptor: &OwnedFd) -> rustix::io::Result<Entry> {
    let stat = rustix::fs::fstat(descriptor)?;
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Directory,
        FileType::Socket => Kind::Socket,
        FileType::Symlink => {
            let target = rustix::fs::readlinkat(descriptor, "", Vec::new())?;
            Kind::Link(target.to_string_lossy().into_owned())
        }
        _ => Kind::Other,
    };
    let mut attributes = attributes_of(&stat);
    if kind == Kind::Directory
        && let Some(bytes) = acl_bytes(descriptor)?
    {
        match Acl::decode(&bytes) {
            Some((acl, mode)) => {
                attributes.acl = acl;
                attributes.mode = attributes.mode & !0o777 | mode;
            }
            None => attributes.acl = Acl::foreign(),
        }
    }
    let size = u64::try_from(stat.st_size).unwrap_or_default();
    let modified = stat.st_mtime;
    Ok(Entry { kind, attributes, size, modified, identity: (stat.st_dev, stat.st_ino) })
}

fn attributes_of(stat: &Stat) -> Attributes {
    Attributes::plain(Owner { uid: stat.st_uid, gid: stat.st_gid }, stat.st_mode & 0o7777)
}

/// The ACL of what a descriptor stands for; `None` if there is none, or the file system knows none.
fn acl_bytes(descriptor: &OwnedFd) -> rustix::io::Result<Option<Vec<u8>>> {
    // An `O_PATH` descriptor has no attributes of its own to read, but its name in /proc leads to the very
    // same file without resolving its path again.
    use std::os::fd::AsRawFd;
    let mut bytes = Vec::with_capacity(1024);
    let name = format!("/proc/self/fd/{}", descriptor.as_raw_fd());
    match rustix::fs::getxattr(name, directory::ACL_NAME, rustix::buffer::spare_capacity(&mut bytes)) {
        Ok(_) => Ok(Some(bytes)),
        Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(None),
        // More entries than any list of ours has.
        Err(Errno::RANGE) => Ok(Some(Vec::new())),
        Err(errno) => Err(errno),
    }
}

#[cfg(test)]
mod tests;
