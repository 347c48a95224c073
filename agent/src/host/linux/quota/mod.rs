//! Quotas of the kernel: of users on ext4 and xfs, of groups of volumes on btrfs. Nothing is spawned.

mod btrfs;
mod ioctl;
mod user;

use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags};

pub(super) use ioctl::create_volume;

use super::path::Place;
use super::{HostError, LinuxHost, Result};
use crate::host::mount::Mount;
use crate::host::quota::{Adoptions, Lacking, Quota, QuotaLimits, Quotas, Reading};

/// Number of btrfs in `statfs(2)`.
pub(super) const BTRFS: u64 = 0x9123_683e;

/// What the kernel said of a quota.
enum Answer {
    Kept(Quota),
    /// Quotas are off, or the file system has none.
    Off,
    /// What is used is counted, and limits are not enforced.
    NotEnforced,
    /// The home is not a volume of its own.
    PlainDirectory,
}

impl LinuxHost {
    /// A directory, opened without following a link.
    fn directory(&self, operation: &'static str, path: &str) -> Result<OwnedFd> {
        let place = self.place(operation, path)?;
        open(&place).map_err(|errno| HostError::new(operation, path, errno))
    }
}

impl Quotas for LinuxHost {
    fn quota(&self, home: &str, uid: u32) -> Result<Reading> {
        let operation = "read the quota of";
        let dir = self.directory(operation, home)?;
        let answer = is_btrfs(&dir)
            .and_then(|btrfs| if btrfs { btrfs::read(&dir, uid) } else { user::read(&dir, uid) })
            .map_err(|error| HostError::new(operation, home, error))?;
        let mount = || -> Result<Mount> {
            let text = std::fs::read_to_string("/proc/self/mountinfo")
                .map_err(|error| HostError::new("read", "/proc/self/mountinfo", error))?;
            Mount::holding(&text, home)
                .ok_or_else(|| HostError::because(operation, home, "no mount holds it"))
        };
        Ok(match answer {
            Answer::Kept(quota) => Reading::Kept(quota),
            Answer::Off => {
                let mount = mount()?;
                Reading::Lacking(Lacking {
                    detail: format!("{}, without quotas", mount.describe(home)),
                    hint: healing(&mount.quota_advice()),
                })
            }
            Answer::NotEnforced => {
                let mount = mount()?;
                Reading::Lacking(Lacking {
                    detail: format!(
                        "{}, which counts what users use and enforces no limit",
                        mount.describe(home)
                    ),
                    hint: healing(&mount.enforcement_advice()),
                })
            }
            Answer::PlainDirectory => Reading::Lacking(Lacking {
                detail: format!(
                    "{}, and is a plain directory there, which can't have a quota of its own; only a subvolume \
                     can",
                    mount()?.describe(home)
                ),
                hint: healing(&format!(
                    "while nobody writes there, run `btrfs subvolume create {home}.new && cp -a \
                     --reflink=always {home}/. {home}.new/ && mv {home} {home}.old && mv {home}.new {home}`; \
                     when all is well, remove {home}.old"
                )),
            }),
        })
    }

    fn set_quota(&self, home: &str, uid: u32, limits: QuotaLimits) -> Result<()> {
        let operation = "set the quota of";
        let place = self.place(operation, home)?;
        let set = || -> io::Result<()> {
            let dir = open(&place)?;
            if is_btrfs(&dir)? {
                btrfs::set(&place.parent, &dir, uid, limits)
            } else {
                user::set(&dir, uid, limits)
            }
        };
        set().map_err(|error| HostError::new(operation, home, error))
    }

    fn adopt_volumes(&self, homes: &str, newer_than: u64) -> Result<Adoptions> {
        let operation = "look after the volumes below";
        let dir = self.directory(operation, homes)?;
        let adopted = is_btrfs(&dir)
            .and_then(|btrfs| if btrfs { btrfs::adopt(&dir, newer_than) } else { Ok(Adoptions::default()) });
        adopted.map_err(|error| HostError::new(operation, homes, error))
    }
}

fn open(place: &Place<'_>) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(&place.parent, place.name, flags, Mode::empty())
}

fn healing(advice: &str) -> String {
    format!("{advice}; this heals by itself then")
}

pub(super) fn is_btrfs(dir: &OwnedFd) -> io::Result<bool> {
    Ok(u64::try_from(rustix::fs::fstatfs(dir)?.f_type).is_ok_and(|kind| kind == BTRFS))
}

#[cfg(test)]
mod tests;
