//! The checks of the VM suite.

mod boot;
mod clock;
mod listener;
mod quota;
mod support;

use super::FileSystem;
use crate::suite::{Check, create, sftp};

/// Whatever depends on the file system of `/home`.
const EVERYWHERE: &[&[Check]] = &[boot::MACHINE, quota::CHECKS];

/// What is the same on every file system; those that burden the machine most come last.
const ONCE: &[&[Check]] = &[
    &[
        ("the first user's create ends with every condition converged", create::every_condition_converges),
        ("with a key a file is uploaded, in a jail, and served", sftp::upload_is_served),
    ],
    listener::CHECKS,
    clock::CHECKS,
    boot::CHECKS,
];

/// The checks for a machine whose `/home` is on this file system.
pub(super) fn of(file_system: FileSystem) -> impl Iterator<Item = &'static Check> {
    let once = if file_system == FileSystem::Ext4 { ONCE } else { &[] };
    EVERYWHERE.iter().chain(once).copied().flatten()
}
