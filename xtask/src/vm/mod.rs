//! The VM suite: the installed product on Debian's own kernel, for what a container can't show.
//!
//! A container shares its kernel with this machine: no quota of ext4 and xfs, perhaps no controllers, no
//! clock to set, no boot to survive. Each file system for `/home` gets a machine of its own, because a node
//! has one.

mod accelerator;
pub(crate) mod channel;
mod checks;
mod image;
mod machine;

use anyhow::{Result, bail};

use crate::levels::Tally;
use crate::suite::{self, Check};
use crate::{deb, prerequisites, setup};

use machine::Guest;

/// What `/home` is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FileSystem {
    Ext4,
    Xfs,
}

impl FileSystem {
    const ALL: [Self; 2] = [Self::Ext4, Self::Xfs];

    /// As `mount` calls it.
    fn name(self) -> &'static str {
        match self {
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
        }
    }

    /// The command that makes it on a disk.
    fn make(self, disk: &'static str) -> Vec<&'static str> {
        match self {
            Self::Ext4 => vec!["mkfs.ext4", "-q", "-O", "quota", disk],
            Self::Xfs => vec!["mkfs.xfs", "-q", disk],
        }
    }

    /// The mount options by which the kernel enforces users' quota.
    fn options(self) -> &'static str {
        match self {
            Self::Ext4 => "usrquota",
            Self::Xfs => "uquota",
        }
    }
}

/// Runs the checks whose names contain `only`, each file system on a machine that is made for it.
pub(crate) fn run(only: Option<&str>, keep: bool) -> Result<Tally> {
    let chosen = |file_system| -> Vec<&'static Check> {
        checks::of(file_system).filter(|check| only.is_none_or(|text| check.0.contains(text))).collect()
    };
    if FileSystem::ALL.iter().all(|&file_system| chosen(file_system).is_empty()) {
        bail!("no check of the VM suite has that in its name");
    }
    prerequisites::vm()?;
    let deb = deb::build(None)?;
    let mut tally = Tally::default();
    for file_system in FileSystem::ALL {
        let checks = chosen(file_system);
        if checks.is_empty() {
            continue;
        }
        let name = suite::suite_name(&format!("vm-{}", file_system.name()))?;
        let mut guest = Guest::boot(&name, file_system, keep)?;
        println!("{}:", file_system.name());
        let outcome = setup::install(&mut guest.node, &deb)
            .and_then(|_| setup::set_up(&guest.node))
            .and_then(|_| suite::run_checks(&guest.node, &checks));
        if !outcome.as_ref().is_ok_and(|tally| tally.failed == 0) {
            guest.show_console();
        }
        tally = tally.plus(outcome?);
    }
    Ok(tally)
}
