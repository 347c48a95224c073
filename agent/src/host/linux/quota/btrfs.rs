//! Quotas of btrfs: every home is a volume, which counts in a group of the account's; volumes that a tenant
//! makes inside the home have to count there, too.
//!
//! With simple quotas the kernel puts a volume into the groups of the one that it is made in; with full ones it
//! does not. Either way whoever makes a volume may name the groups, with no right to them needed: none, to
//! escape, or another tenant's, to use up theirs. So membership is looked after from here.

use std::io;
use std::os::fd::OwnedFd;

use berth_core::account::UID_RANGE;

use super::Answer;
use super::ioctl::{self, Key};
use crate::host::quota::{Adoption, Adoptions, Mechanism, Quota, QuotaLimits};

/// `BTRFS_ROOT_TREE_OBJECTID`.
const ROOT_TREE: u64 = 1;
/// `BTRFS_QUOTA_TREE_OBJECTID`.
const QUOTA_TREE: u64 = 8;
/// `BTRFS_FIRST_FREE_OBJECTID` and `BTRFS_LAST_FREE_OBJECTID`: numbers of volumes.
const FIRST_VOLUME: u64 = 256;
const LAST_VOLUME: u64 = u64::MAX - 255;

const ROOT_BACKREF: u8 = 144;
const STATUS: u8 = 240;
const INFO: u8 = 242;
const LIMIT: u8 = 244;
const RELATION: u8 = 246;

/// `BTRFS_QGROUP_STATUS_FLAG_RESCAN`, `…_INCONSISTENT` and `…_SIMPLE_MODE`.
const RESCANNING: u64 = 1 << 1;
const INCONSISTENT: u64 = 1 << 2;
const SIMPLE: u64 = 1 << 3;

/// Groups of accounts are of the first level above volumes.
const LEVEL: u64 = 1 << 48;

/// Volumes in each other; more is a loop, which there can't be.
const DEPTH_MAX: usize = 4096;

/// The group of an account.
const fn group_of(uid: u32) -> u64 {
    LEVEL | uid as u64
}

/// The account whose group this is.
fn account_of(group: u64) -> Option<u32> {
    let uid = u32::try_from(group.checked_sub(LEVEL)?).ok()?;
    UID_RANGE.contains(&uid).then_some(uid)
}

/// Flags of the quotas; `None` if they are off.
fn status(dir: &OwnedFd) -> io::Result<Option<u64>> {
    let item = ioctl::item(dir, QUOTA_TREE, Key::new(0, STATUS, 0))?;
    Ok(item.and_then(|item| item.number(2)))
}

pub(super) fn read(home: &OwnedFd, uid: u32) -> io::Result<Answer> {
    let Some(flags) = status(home)? else { return Ok(Answer::Off) };
    if rustix::fs::fstat(home)?.st_ino != ioctl::ROOT_INODE {
        return Ok(Answer::PlainDirectory);
    }
    let mechanism = if flags & SIMPLE == 0 { Mechanism::QuotaGroups } else { Mechanism::SimpleQuota };
    let group = group_of(uid);
    let look = |object, kind| ioctl::item(home, QUOTA_TREE, Key::new(object, kind, group));
    let member = look(ioctl::volume_of(home)?, RELATION)?.is_some();
    let info = look(0, INFO)?;
    let limits = look(0, LIMIT)?.filter(|_| member && info.is_some()).map(|item| {
        let limited = item.number(0).unwrap_or_default() & ioctl::LIMITS_REFERENCED != 0;
        QuotaLimits { bytes: item.number(1).filter(|_| limited), inodes: None }
    });
    let used_bytes = info.and_then(|item| item.number(1)).unwrap_or_default();
    Ok(Answer::Kept(Quota { mechanism, limits, used_bytes, used_inodes: None }))
}

/// Sets the limit of a home. Asked for with the directory of the homes: what is asked with a home itself counts
/// in that home's own group, and is refused when that is full.
pub(super) fn set(homes: &OwnedFd, home: &OwnedFd, uid: u32, limits: QuotaLimits) -> io::Result<()> {
    let group = group_of(uid);
    or_exists(ioctl::create_group(homes, group))?;
    ioctl::limit(homes, group, limits.bytes)?;
    join(homes, ioctl::volume_of(home)?, group)
}

/// Puts a volume into a group.
fn join(dir: &OwnedFd, volume: u64, group: u64) -> io::Result<()> {
    let joined = match ioctl::assign(dir, volume, group, true) {
        // Somebody has taken away the volume's own group.
        Err(error) if matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOENT)) => {
            or_exists(ioctl::create_group(dir, volume))?;
            ioctl::assign(dir, volume, group, true)
        }
        other => other,
    };
    if or_exists(joined)?.unwrap_or_default() {
        ioctl::rescan(dir)?;
    }
    Ok(())
}

fn or_exists<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
        Err(error) => Err(error),
    }
}

/// Has volumes inside homes count where they lie.
pub(super) fn adopt(homes: &OwnedFd, newer_than: u64) -> io::Result<Adoptions> {
    let Some(flags) = status(homes)? else { return Ok(Adoptions::default()) };
    let mut adoptions = Adoptions { newest: newer_than, adopted: Vec::new() };
    let from = Key::new(newer_than.saturating_add(1).max(FIRST_VOLUME), 0, 0);
    let to = Key::new(LAST_VOLUME, u8::MAX, u64::MAX);
    let top = ioctl::volume_of(homes)?;
    for item in ioctl::items(homes, ROOT_TREE, from, to, ROOT_BACKREF)? {
        let (volume, parent) = (item.key.object, item.key.offset);
        adoptions.newest = adoptions.newest.max(volume);
        // A home, or what is beside the homes, is nobody's but its own.
        if parent == top {
            continue;
        }
        let Some(home) = home_of(parent, top, |volume| parent_of(homes, volume))? else { continue };
        let Some(&uid) = accounts(homes, home)?.first() else { continue };
        adoptions.adopted.extend(settle(homes, volume, uid)?);
    }
    if newer_than == 0 && flags & (INCONSISTENT | RESCANNING | SIMPLE) == INCONSISTENT {
        ioctl::rescan(homes)?;
    }
    Ok(adoptions)
}

/// Has a volume count in the quota of this account only.
fn settle(dir: &OwnedFd, volume: u64, uid: u32) -> io::Result<Option<Adoption>> {
    let found = accounts(dir, volume)?;
    let formerly: Vec<u32> = found.iter().copied().filter(|other| *other != uid).collect();
    if formerly.is_empty() && found.contains(&uid) {
        return Ok(None);
    }
    let mut count_anew = false;
    for other in &formerly {
        match ioctl::assign(dir, volume, group_of(*other), false) {
            Ok(anew) => count_anew |= anew,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    join(dir, volume, group_of(uid))?;
    if count_anew {
        ioctl::rescan(dir)?;
    }
    Ok(Some(Adoption { volume, uid, formerly }))
}

/// The accounts in whose groups a volume counts.
fn accounts(dir: &OwnedFd, volume: u64) -> io::Result<Vec<u32>> {
    let (from, to) = (Key::new(volume, RELATION, 0), Key::new(volume, RELATION, u64::MAX));
    let found = ioctl::items(dir, QUOTA_TREE, from, to, RELATION)?;
    Ok(found.into_iter().filter_map(|item| account_of(item.key.offset)).collect())
}

/// The volume that a volume lies in.
fn parent_of(dir: &OwnedFd, volume: u64) -> io::Result<Option<u64>> {
    let (from, to) = (Key::new(volume, ROOT_BACKREF, 0), Key::new(volume, ROOT_BACKREF, u64::MAX));
    let found = ioctl::items(dir, ROOT_TREE, from, to, ROOT_BACKREF)?;
    Ok(found.first().map(|item| item.key.offset))
}

/// The volume right below the one of the homes in which a volume lies; `None` if it does not lie below that.
fn home_of(
    volume: u64,
    top: u64,
    mut parent: impl FnMut(u64) -> io::Result<Option<u64>>,
) -> io::Result<Option<u64>> {
    let mut volume = volume;
    for _ in 0..DEPTH_MAX {
        match parent(volume)? {
            Some(above) if above == top => return Ok(Some(volume)),
            Some(above) => volume = above,
            None => return Ok(None),
        }
    }
    Ok(None)
}

/// Takes a volume out of its account's group, and puts it into another one's.
#[cfg(test)]
pub(super) fn misplace(volume: &OwnedFd, from: u32, into: Option<u32>) -> io::Result<()> {
    let number = ioctl::volume_of(volume)?;
    match ioctl::assign(volume, number, group_of(from), false) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    into.map_or(Ok(()), |uid| join(volume, number, group_of(uid)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_groups_of_accounts_are_of_accounts() {
        let uid = *UID_RANGE.start();
        assert_eq!(account_of(group_of(uid)), Some(uid));
        for other in [0, 256, u64::from(uid), group_of(1000), 2 << 48 | u64::from(uid), u64::MAX] {
            assert_eq!(account_of(other), None, "{other:#x}");
        }
    }

    #[test]
    fn a_volume_belongs_to_the_home_that_it_lies_in_however_deep() {
        // 5 holds the homes 256 and 257; 300 lies in 256, 301 in 300; 400 lies beside.
        let parent = |volume| {
            Ok(match volume {
                256 | 257 => Some(5),
                300 => Some(256),
                301 => Some(300),
                400 => Some(401),
                401 => Some(400),
                _ => None,
            })
        };
        let home = |volume| home_of(volume, 5, parent).unwrap();
        assert_eq!(home(301), Some(256));
        assert_eq!(home(256), Some(256));
        assert_eq!(home(7), None);
        assert_eq!(home(400), None, "no loop is followed for ever");
    }
}
