//! Quotas of users through `quotactl_fd(2)`.
//!
//! The generic commands do for ext4 and xfs alike: the kernel translates them for the file system
//! (`fs/quota/quota.c`).

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use super::Answer;
use crate::host::quota::{Mechanism, Quota, QuotaLimits};

/// `Q_GETQUOTA` (`linux/quota.h`).
const GET_QUOTA: u32 = 0x80_0007;
/// `Q_SETQUOTA` (`linux/quota.h`).
const SET_QUOTA: u32 = 0x80_0008;
/// `Q_XGETQSTATV` (`linux/dqblk_xfs.h`), which other file systems answer as well.
const GET_STATE: u32 = 0x5808;
/// `FS_QUOTA_UDQ_ENFD`: limits of users are enforced.
const ENFORCED: u16 = 1 << 1;
/// `QIF_LIMITS`: both kinds of limits are given, and nothing else.
const LIMITS: u32 = 1 | 4;
/// Unit of `dqb_bhardlimit`.
const BLOCK: u64 = 1024;

/// `struct if_dqblk` (`linux/quota.h`).
#[repr(C)]
#[derive(Default)]
struct Record {
    byte_limit: u64,
    soft_byte_limit: u64,
    bytes: u64,
    inode_limit: u64,
    soft_inode_limit: u64,
    inodes: u64,
    byte_grace: u64,
    inode_grace: u64,
    valid: u32,
}

/// The beginning of `struct fs_quota_statv` (`linux/dqblk_xfs.h`), with room for the rest of it.
#[repr(C)]
struct State {
    version: u8,
    padding: u8,
    flags: u16,
    rest: [u64; 31],
}

pub(super) fn read(home: &OwnedFd, uid: u32) -> io::Result<Answer> {
    let mut state = State { version: 1, padding: 0, flags: 0, rest: [0; 31] };
    match call(home, GET_STATE, 0, &mut state) {
        Ok(()) if state.flags & ENFORCED != 0 => {}
        Ok(()) if state.flags == 0 => return Ok(Answer::Off),
        Ok(()) => return Ok(Answer::NotEnforced),
        Err(error) if is_off(&error) => return Ok(Answer::Off),
        Err(error) => return Err(error),
    }
    let mut record = Record::default();
    let limits = match call(home, GET_QUOTA, uid, &mut record) {
        Ok(()) => Some(QuotaLimits {
            bytes: (record.byte_limit != 0).then(|| record.byte_limit.saturating_mul(BLOCK)),
            inodes: (record.inode_limit != 0).then_some(record.inode_limit),
        }),
        // Nothing belongs to this user yet.
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => None,
        Err(error) if is_off(&error) => return Ok(Answer::Off),
        Err(error) => return Err(error),
    };
    Ok(Answer::Kept(Quota {
        mechanism: Mechanism::UserQuota,
        limits,
        used_bytes: record.bytes,
        used_inodes: Some(record.inodes),
    }))
}

pub(super) fn set(home: &OwnedFd, uid: u32, limits: QuotaLimits) -> io::Result<()> {
    // To the kernel zero is no limit, so that the least there can be is one.
    let mut record = Record {
        byte_limit: limits.bytes.map_or(0, |bytes| (bytes / BLOCK).max(1)),
        inode_limit: limits.inodes.map_or(0, |inodes| inodes.max(1)),
        valid: LIMITS,
        ..Record::default()
    };
    call(home, SET_QUOTA, uid, &mut record)
}

/// Whether the kernel or the file system keeps no quotas.
fn is_off(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::ESRCH | libc::ENOSYS | libc::EOPNOTSUPP | libc::EINVAL | libc::ENOTTY)
    )
}

#[expect(unsafe_code, reason = "there is no safe wrapper of quotactl_fd")]
fn call<T>(home: &OwnedFd, command: u32, uid: u32, data: &mut T) -> io::Result<()> {
    // `QCMD(command, USRQUOTA)`.
    let command = command << 8;
    // SAFETY: the descriptor is open for the whole call; `data` is one of the structures above, laid out as
    // the kernel's, at least as large as what the kernel reads or writes for its command, and outlives it.
    let status = unsafe {
        libc::syscall(libc::SYS_quotactl_fd, home.as_raw_fd(), command, uid, std::ptr::from_mut(data))
    };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
