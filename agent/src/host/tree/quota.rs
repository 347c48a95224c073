//! Quotas of the tree, in a file beside it: one JSON line per change; the last line of a home counts.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::{HostError, Result};
use crate::host::quota::{Adoptions, Lacking, Mechanism, Quota, QuotaLimits, Quotas, Reading};

/// The quotas of a tree.
pub struct TreeQuotas {
    inner: Mutex<Inner>,
    changes: AtomicU64,
}

struct Inner {
    file: File,
    limits: BTreeMap<u32, QuotaLimits>,
    used: BTreeMap<u32, (u64, u64)>,
    lacking: Option<Lacking>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    home: String,
    uid: u32,
    /// Nothing if the quota is gone.
    limits: Option<QuotaLimits>,
}

impl TreeQuotas {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
        let mut limits = BTreeMap::new();
        for text in BufReader::new(&file).lines() {
            // The last line may be torn; then the quota is set again.
            let Ok(line) = serde_json::from_str::<Line>(&text?) else { continue };
            match line.limits {
                Some(set) => limits.insert(line.uid, set),
                None => limits.remove(&line.uid),
            };
        }
        let inner = Inner { file, limits, used: BTreeMap::new(), lacking: None };
        Ok(Self { inner: Mutex::new(inner), changes: AtomicU64::new(0) })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }

    fn note(&self, line: &Line) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        let mut inner = self.inner();
        inner.file.write_all(&text)?;
        match line.limits {
            Some(limits) => inner.limits.insert(line.uid, limits),
            None => inner.limits.remove(&line.uid),
        };
        drop(inner);
        self.changes.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// What is set for an account.
    pub fn limits(&self, uid: u32) -> Option<QuotaLimits> {
        self.inner().limits.get(&uid).copied()
    }

    /// Somebody takes an account's quota away by hand.
    ///
    /// # Errors
    /// The tree can't be written to.
    pub fn remove(&self, home: &str, uid: u32) -> io::Result<()> {
        self.note(&Line { home: home.to_owned(), uid, limits: None })
    }

    /// Pretends that an account uses so many bytes and files.
    pub fn set_used(&self, uid: u32, bytes: u64, inodes: u64) {
        self.inner().used.insert(uid, (bytes, inodes));
    }

    /// Switches quotas off, or on again.
    pub fn set_lacking(&self, lacking: Option<Lacking>) {
        self.inner().lacking = lacking;
    }
}

impl Quotas for TreeQuotas {
    fn quota(&self, _home: &str, uid: u32) -> Result<Reading> {
        let inner = self.inner();
        if let Some(lacking) = &inner.lacking {
            return Ok(Reading::Lacking(lacking.clone()));
        }
        let (used_bytes, used_inodes) = inner.used.get(&uid).copied().unwrap_or_default();
        let limits = inner.limits.get(&uid).copied();
        Ok(Reading::Kept(Quota {
            mechanism: Mechanism::UserQuota,
            limits,
            used_bytes,
            used_inodes: Some(used_inodes),
        }))
    }

    fn set_quota(&self, home: &str, uid: u32, limits: QuotaLimits) -> Result<()> {
        self.note(&Line { home: home.to_owned(), uid, limits: Some(limits) })
            .map_err(|error| HostError::new("set the quota of", home, error))
    }

    fn adopt_volumes(&self, _homes: &str, newer_than: u64) -> Result<Adoptions> {
        // A tree has no volumes.
        Ok(Adoptions { newest: newer_than, adopted: Vec::new() })
    }
}
