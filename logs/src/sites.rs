//! The logs of sites.
//!
//! The link of a host and every directory above a site's logs belong to root, and the logs' own directory
//! belongs to this process: a tenant can put nothing in the way. Still nothing here waits, follows a last link
//! or has a privilege that could be borrowed.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use berth_core::log::{LOG_BYTES_MAX, rotated_name};
use rustix::fs::{Mode, OFlags};

use crate::Entry;

/// The directory of links from host to the directory of a site's logs.
pub(crate) struct Sites {
    tree: PathBuf,
}

impl Sites {
    pub(crate) const fn new(tree: PathBuf) -> Self {
        Self { tree }
    }

    /// Adds whole lines to a site's log. A host without a site has none; a log that can't be written (the
    /// account is over its quota, say) loses lines and holds up nobody.
    pub(crate) fn append(&self, entry: &Entry, lines: &[u8]) {
        let dir = self.tree.join(&entry.host);
        match append(&dir, entry.kind.file_name(), lines) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                tracing::debug!(host = entry.host, log = entry.kind.as_str(), %error, "lines are lost");
            }
        }
    }
}

fn append(dir: &Path, name: &str, lines: &[u8]) -> io::Result<()> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let dir = rustix::fs::open(dir, flags, Mode::empty())?;
    let flags = OFlags::WRONLY
        | OFlags::APPEND
        | OFlags::CREATE
        | OFlags::NOFOLLOW
        | OFlags::NONBLOCK
        | OFlags::CLOEXEC;
    let open = || rustix::fs::openat(&dir, name, flags, Mode::from_raw_mode(0o640)).map(File::from);
    let mut file = open()?;
    let there = file.metadata()?.len();
    if there > 0 && there.saturating_add(lines.len() as u64) > LOG_BYTES_MAX {
        rustix::fs::renameat(&dir, name, &dir, rotated_name(name))?;
        file = open()?;
    }
    // More than fits at once: the end counts.
    let most = usize::try_from(LOG_BYTES_MAX).unwrap_or(usize::MAX);
    let from = lines.len().saturating_sub(most);
    file.write_all(lines.get(from..).unwrap_or(lines))
}
