//! Owners, modes and lists of the tree, one JSON line per change; the last line of a path counts.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::Attributes;

/// The attributes of every path of the tree.
pub(super) struct AttributeBook {
    inner: Mutex<Inner>,
    changes: AtomicU64,
}

struct Inner {
    file: File,
    lines: BTreeMap<String, Line>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Line {
    path: String,
    /// Nothing if the path is gone.
    attributes: Option<Attributes>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    socket: bool,
}

impl AttributeBook {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
        let mut lines = BTreeMap::new();
        for text in BufReader::new(&file).lines() {
            // The last line may be torn; then the path counts as somebody else's and is put right again.
            if let Ok(line) = serde_json::from_str::<Line>(&text?) {
                lines.insert(line.path.clone(), line);
            }
        }
        Ok(Self { inner: Mutex::new(Inner { file, lines }), changes: AtomicU64::new(0) })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }

    pub(super) fn get(&self, path: &str) -> Option<Attributes> {
        self.inner().lines.get(path)?.attributes.clone()
    }

    pub(super) fn is_socket(&self, path: &str) -> bool {
        self.inner().lines.get(path).is_some_and(|line| line.socket && line.attributes.is_some())
    }

    pub(super) fn set(&self, path: &str, attributes: &Attributes, socket: bool) -> io::Result<()> {
        self.write(Line { path: path.to_owned(), attributes: Some(attributes.clone()), socket })
    }

    pub(super) fn forget(&self, path: &str) -> io::Result<()> {
        self.write(Line { path: path.to_owned(), attributes: None, socket: false })
    }

    /// Forgets a directory and everything below it.
    pub(super) fn forget_below(&self, path: &str) -> io::Result<()> {
        let below = format!("{path}/");
        let known: Vec<String> = {
            let inner = self.inner();
            let lines = inner.lines.values().filter(|line| line.attributes.is_some());
            lines
                .map(|line| line.path.clone())
                .filter(|known| known == path || known.starts_with(&below))
                .collect()
        };
        known.iter().try_for_each(|path| self.forget(path))
    }

    /// Moves what is known of a directory and of everything below it.
    pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let below = format!("{from}/");
        let moved: Vec<Line> = {
            let inner = self.inner();
            let of_it = |path: &str| path == from || path.starts_with(&below);
            inner.lines.values().filter(|line| of_it(&line.path)).cloned().collect()
        };
        for line in moved {
            let rest = line.path.get(from.len()..).unwrap_or_default();
            let path = format!("{to}{rest}");
            self.forget(&line.path)?;
            self.write(Line { path, ..line })?;
        }
        Ok(())
    }

    fn write(&self, line: Line) -> io::Result<()> {
        self.changes.fetch_add(1, Ordering::Relaxed);
        let mut inner = self.inner();
        let mut text = serde_json::to_vec(&line)?;
        text.push(b'\n');
        inner.file.write_all(&text)?;
        inner.lines.insert(line.path.clone(), line);
        Ok(())
    }
}
