//! The log of commands and calls that a real host would have seen.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::{HostError, Result};

/// One line per command.
pub(super) struct Commands {
    file: Mutex<File>,
    count: AtomicU64,
}

impl Commands {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self { file: Mutex::new(file), count: AtomicU64::new(0) })
    }

    pub(super) fn note(&self, line: &str) -> Result<()> {
        self.count.fetch_add(1, Ordering::Relaxed);
        let mut file = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        writeln!(file, "{line}").map_err(|error| HostError::new("note the command", line, error))
    }

    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}
