//! The only door to the system. Everything that reads or changes the host goes through [`Host`], so that the
//! same reconciliation runs against a real machine, into a directory tree, and against injected faults.
//!
//! All calls block and are made from blocking threads only. A call either has its whole effect or none, as far
//! as the kernel allows, and repeating a call is always safe.

mod acl;
pub mod cgroup;
mod entry;
mod error;
pub mod faulty;
pub mod firewall;
pub mod linux;
pub mod mount;
mod program;
pub mod quota;
pub mod systemd;
pub mod tree;
pub mod watch;

use std::os::fd::OwnedFd;

pub use acl::Acl;
pub use entry::{Attributes, Entry, Kind, Owner};
pub use error::{HostError, Result};
pub use firewall::Firewall;
pub use program::{Answer, Program};
pub use quota::Quotas;
pub use systemd::Systemd;

/// Largest file that the agent reads into memory; larger ones are an error.
pub const READ_MAX: usize = 256 * 1024 * 1024;

/// A host. Paths are absolute, without `.` and `..`; no component of them is ever followed through a link,
/// except where a method says so.
pub trait Host: Send + Sync {
    /// What is at a path, the last component not followed; `None` if there is nothing.
    fn entry(&self, path: &str) -> Result<Option<Entry>>;

    /// The bytes of a regular file; `None` if there is nothing.
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>>;

    /// The bytes of a regular file that may be a tenant's: one that is longer than `max` is an error, and no
    /// more of it than that is read.
    fn read_at_most(&self, path: &str, max: usize) -> Result<Option<Vec<u8>>>;

    /// Some of the names in a directory that may be a tenant's, at most `max`, in no order; empty if there is no
    /// directory.
    fn list_at_most(&self, dir: &str, max: usize) -> Result<Vec<String>>;

    /// The names in a directory, sorted, without temporary names of ours; empty if there is no directory.
    fn list(&self, dir: &str) -> Result<Vec<String>>;

    /// Replaces a regular file at once, or makes it: temporary file, fsync, rename, fsync of the directory.
    /// Only below directories that root owns.
    fn replace_file(&self, path: &str, bytes: &[u8], owner: Owner, mode: u32) -> Result<()>;

    /// Removes a file, socket or link; says whether there was one.
    fn remove_file(&self, path: &str) -> Result<bool>;

    /// Makes a link, or points it elsewhere, at once. Where it led before it never leads again, whatever happens;
    /// a new one may have to be made once more after a power failure.
    fn replace_link(&self, path: &str, target: &str) -> Result<()>;

    /// Makes a directory that is complete from the first moment anybody can see it: attributes and files are
    /// given to a temporary name in the same parent, which is then renamed. Fails if something is there. After a
    /// power failure it may have to be made once more.
    fn make_dir(&self, path: &str, attributes: &Attributes, files: &[NewFile<'_>]) -> Result<()>;

    /// Makes an empty directory that is complete from the first moment, as a volume of its own where the file
    /// system has volumes (btrfs), so that what is in it can be counted.
    fn make_volume(&self, path: &str, attributes: &Attributes) -> Result<()>;

    /// Removes an empty directory; says whether there was one.
    fn remove_dir(&self, path: &str) -> Result<bool>;

    /// Removes a directory with everything in it; says whether there was one. Nothing is followed, and what is
    /// mounted inside is not entered: it stays, and is an error. Stopped in the middle it goes on when called
    /// again. Only where nobody else can change anything meanwhile.
    fn remove_tree(&self, path: &str) -> Result<bool>;

    /// Sets owner, mode and ACL of an existing directory or regular file, by descriptor.
    fn set_attributes(&self, path: &str, attributes: &Attributes) -> Result<()>;

    /// Moves a directory; fails if the target exists.
    fn move_dir(&self, from: &str, to: &str) -> Result<()>;

    /// Takes the lock of the account files (that of `lckpwdf`). It ends with the value.
    fn lock_account_files(&self) -> Result<AccountLock>;

    /// Replaces one of the account files at once and keeps its owner and mode; what it held before stays in
    /// a backup beside it, as shadow-utils does. Only under the lock.
    fn replace_account_file(&self, lock: &AccountLock, path: &str, bytes: &[u8]) -> Result<()>;

    /// Binds a listening Unix stream socket under a temporary name, gives it owner and mode, and renames it
    /// over whatever is at the path. The socket's own address (`getsockname`) keeps the temporary name, which
    /// ends in the name in `path`: so a listener tells for ever whose it is.
    fn bind_socket(&self, path: &str, owner: Owner, mode: u32) -> Result<OwnedFd>;

    /// Runs one of the few programs that we need, to its end.
    fn run(&self, program: Program) -> Result<Answer>;

    /// Disk quotas.
    fn quotas(&self) -> &dyn Quotas;

    /// The packet filter.
    fn firewall(&self) -> &dyn Firewall;

    /// The service manager.
    fn systemd(&self) -> &dyn Systemd;
}

/// A file of a directory that is made with [`Host::make_dir`].
#[derive(Debug, Clone, Copy)]
pub struct NewFile<'a> {
    /// Name in the directory.
    pub name: &'a str,
    /// What it holds.
    pub bytes: &'a [u8],
    /// Whose it is.
    pub owner: Owner,
    /// Its permissions.
    pub mode: u32,
}

/// The held lock of the account files.
pub struct AccountLock {
    _descriptor: Option<OwnedFd>,
}

impl AccountLock {
    /// A lock that lasts as long as the descriptor; `None` where nobody else can come.
    pub fn new(descriptor: Option<OwnedFd>) -> Self {
        Self { _descriptor: descriptor }
    }
}
