//! How far each log has been read, on disk.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// A place in a file that may have been renamed meanwhile.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// The file's inode; a rotated log keeps it under its new name.
    pub(crate) inode: u64,
    /// Bytes that have been read.
    pub(crate) offset: u64,
}

/// The positions of all logs.
pub(crate) struct Positions {
    file: PathBuf,
    known: BTreeMap<PathBuf, Position>,
}

impl Positions {
    /// Reads what is stored. A file that can't be understood counts as none: then only what comes is split.
    pub(crate) fn open(file: &Path) -> io::Result<Self> {
        let known = match std::fs::read(file) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(about("read", file, &error)),
        };
        Ok(Self { file: file.to_owned(), known })
    }

    pub(crate) fn of(&self, log: &Path) -> Option<Position> {
        self.known.get(log).copied()
    }

    /// Stores the positions, if they differ. Lines that were written after the last time this worked are
    /// written once more after a crash, and none is lost.
    #[expect(clippy::disallowed_methods, reason = "the one file of this process, replaced at once")]
    pub(crate) fn store(&mut self, now: impl Iterator<Item = (PathBuf, Position)>) -> io::Result<()> {
        let now: BTreeMap<PathBuf, Position> = now.collect();
        if now == self.known {
            return Ok(());
        }
        let bytes = serde_json::to_vec(&now).map_err(|error| about("encode", &self.file, &error.into()))?;
        let new = self.file.with_extension("new");
        std::fs::write(&new, bytes).map_err(|error| about("write", &new, &error))?;
        std::fs::rename(&new, &self.file).map_err(|error| about("replace", &self.file, &error))?;
        self.known = now;
        Ok(())
    }
}

fn about(operation: &str, file: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot {operation} {}: {error}", file.display()))
}
