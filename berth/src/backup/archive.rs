//! The file format: a tar archive, compressed with Zstandard, that begins with a list of what it holds.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tar::{Archive, Builder, EntryType, Header};

use super::part;

/// The version of the format that this program writes and reads.
const FORMAT: u32 = 1;
const MANIFEST: &str = "manifest.json";
/// Longest list that is read: a certificate and a key for each of half a million sites.
const MANIFEST_MAX: u64 = 256 << 20;
const LEVEL: i32 = 3;

/// What an archive holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    format: u32,
    /// Version of the program that wrote it.
    pub(super) version: String,
    /// When it was written.
    pub(super) created_at: String,
    /// Every part by its name.
    pub(super) parts: BTreeMap<String, Part>,
}

/// One file of an archive. Owners go by name, since numbers differ from host to host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    pub(super) size: u64,
    pub(super) sha256: String,
    pub(super) mode: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) user: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) group: Option<String>,
}

/// Something to be put into an archive.
pub(super) struct Source {
    pub(super) name: String,
    pub(super) content: Content,
    pub(super) mode: u32,
    pub(super) user: Option<String>,
    pub(super) group: Option<String>,
}

/// Where the bytes are.
pub(super) enum Content {
    Memory(Vec<u8>),
    Disk(File),
}

/// Why an archive can't be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ArchiveError {
    #[error("reading the backup")]
    Read(#[from] io::Error),
    #[error("it is not a backup of Berth: {0}")]
    Foreign(String),
    #[error("it holds `{0}`, which no backup holds")]
    Unexpected(String),
    #[error("`{0}` is damaged: its checksum or length is not what the list says")]
    Damaged(String),
    #[error("`{0}` is missing")]
    Missing(String),
}

/// Writes an archive.
pub(super) fn write(
    to: impl Write,
    version: &str,
    created_at: String,
    mut sources: Vec<Source>,
) -> io::Result<()> {
    let mut parts = BTreeMap::new();
    for source in &mut sources {
        let (size, sha256) = source.content.digest()?;
        let Source { mode, user, group, .. } = source;
        let part = Part { size, sha256, mode: *mode, user: user.clone(), group: group.clone() };
        parts.insert(source.name.clone(), part);
    }
    let manifest = Manifest { format: FORMAT, version: version.to_owned(), created_at, parts };
    let list = serde_json::to_vec_pretty(&manifest)?;
    let mut tar = Builder::new(zstd::Encoder::new(to, LEVEL)?);
    append(&mut tar, MANIFEST, list.len() as u64, list.as_slice())?;
    for source in sources {
        let size = manifest.parts.get(&source.name).map_or(0, |part| part.size);
        match source.content {
            Content::Memory(bytes) => append(&mut tar, &source.name, size, bytes.as_slice())?,
            Content::Disk(mut file) => {
                file.seek(SeekFrom::Start(0))?;
                append(&mut tar, &source.name, size, file.take(size))?;
            }
        }
    }
    tar.into_inner()?.finish()?.flush()
}

fn append(tar: &mut Builder<impl Write>, name: &str, size: u64, content: impl Read) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_size(size);
    header.set_mode(0o600);
    tar.append_data(&mut header, name, content)
}

impl Content {
    fn digest(&mut self) -> io::Result<(u64, String)> {
        match self {
            Self::Memory(bytes) => Ok((bytes.len() as u64, hex::encode(Sha256::digest(&bytes)))),
            Self::Disk(file) => {
                file.seek(SeekFrom::Start(0))?;
                let mut counting = Counting { inner: io::sink(), hasher: Sha256::new(), count: 0 };
                io::copy(file, &mut counting)?;
                Ok((counting.count, hex::encode(counting.hasher.finalize())))
            }
        }
    }
}

/// Unpacks an archive into a directory, every part as a file named by its place in the result. Nothing is used
/// before everything has been checked.
pub(super) fn read(
    from: impl Read,
    dir: &Path,
) -> Result<(Manifest, BTreeMap<String, PathBuf>), ArchiveError> {
    let foreign = |what: &dyn std::fmt::Display| ArchiveError::Foreign(what.to_string());
    let mut archive = Archive::new(zstd::Decoder::new(from).map_err(|error| foreign(&error))?);
    let mut entries = archive.entries().map_err(|error| foreign(&error))?;
    let mut first =
        entries.next().ok_or_else(|| foreign(&"it is empty"))?.map_err(|error| foreign(&error))?;
    if first.path_bytes().as_ref() != MANIFEST.as_bytes() || first.size() > MANIFEST_MAX {
        return Err(foreign(&"it does not begin with a list of its parts"));
    }
    let mut list = Vec::new();
    first.read_to_end(&mut list)?;
    let manifest: Manifest = serde_json::from_slice(&list).map_err(|error| foreign(&error))?;
    if manifest.format != FORMAT {
        return Err(foreign(&format!("its format is {}, and this version reads {FORMAT}", manifest.format)));
    }
    if let Some(name) = manifest.parts.keys().find(|name| !part::is_known(name)) {
        return Err(ArchiveError::Unexpected(crate::output::clean(name)));
    }
    let mut files = BTreeMap::new();
    for (index, entry) in entries.enumerate() {
        let entry = entry?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let listed = manifest.parts.get(&name).filter(|_| !files.contains_key(&name));
        let (Some(listed), EntryType::Regular) = (listed, entry.header().entry_type()) else {
            return Err(ArchiveError::Unexpected(crate::output::clean(&name)));
        };
        // The file's own name is a number: what the archive says never becomes a path here.
        let path = dir.join(format!("part-{index}"));
        let mut file = Counting {
            inner: File::options().write(true).create_new(true).open(&path)?,
            hasher: Sha256::new(),
            count: 0,
        };
        io::copy(&mut entry.take(listed.size.saturating_add(1)), &mut file)?;
        if file.count != listed.size || hex::encode(file.hasher.finalize()) != listed.sha256 {
            return Err(ArchiveError::Damaged(name));
        }
        files.insert(name, path);
    }
    match manifest.parts.keys().find(|name| !files.contains_key(*name)) {
        Some(name) => Err(ArchiveError::Missing(name.clone())),
        None => Ok((manifest, files)),
    }
}

/// Hashes and counts what passes through.
struct Counting<W> {
    inner: W,
    hasher: Sha256,
    count: u64,
}

impl<W: Write> Write for Counting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hasher.update(bytes.get(..written).unwrap_or_default());
        self.count += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(name: &str, text: &str) -> Source {
        let content = Content::Memory(text.as_bytes().to_vec());
        Source { name: name.to_owned(), content, mode: 0o640, user: Some("berth".to_owned()), group: None }
    }

    fn written(sources: Vec<Source>) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&mut bytes, "0.1.0", "2026-01-01T00:00:00Z".to_owned(), sources).unwrap();
        bytes
    }

    fn error(bytes: &[u8]) -> String {
        let dir = tempfile::tempdir().unwrap();
        read(bytes, dir.path()).unwrap_err().to_string()
    }

    #[test]
    fn what_was_written_comes_back() {
        let big = "x".repeat(3_000_000);
        let bytes = written(vec![source("keyring", "secret"), source("database.jsonl", &big)]);
        let dir = tempfile::tempdir().unwrap();
        let (manifest, files) = read(bytes.as_slice(), dir.path()).unwrap();
        assert_eq!(std::fs::read_to_string(&files["keyring"]).unwrap(), "secret");
        assert_eq!(std::fs::read_to_string(&files["database.jsonl"]).unwrap(), big);
        assert_eq!(manifest.parts["keyring"].mode, 0o640);
        assert_eq!(manifest.parts["keyring"].user.as_deref(), Some("berth"));
    }

    /// An archive with a list and entries that need not fit each other.
    fn forged(parts: &[(&str, &str)], entries: &[(&str, EntryType, &str)]) -> Vec<u8> {
        let parts = parts
            .iter()
            .map(|(name, text)| {
                let part = Part {
                    size: text.len() as u64,
                    sha256: hex::encode(Sha256::digest(text.as_bytes())),
                    mode: 0o600,
                    user: None,
                    group: None,
                };
                ((*name).to_owned(), part)
            })
            .collect();
        let manifest = Manifest { format: FORMAT, version: "0".into(), created_at: String::new(), parts };
        let list = serde_json::to_vec(&manifest).unwrap();
        let mut tar = Builder::new(zstd::Encoder::new(Vec::new(), 1).unwrap());
        append(&mut tar, MANIFEST, list.len() as u64, list.as_slice()).unwrap();
        for (name, kind, text) in entries {
            let mut header = Header::new_gnu();
            header.set_entry_type(*kind);
            header.set_size(text.len() as u64);
            header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
            if *kind == EntryType::Symlink {
                header.set_link_name("/etc/passwd").unwrap();
                header.set_size(0);
            }
            header.set_cksum();
            tar.append(&header, text.as_bytes()).unwrap();
        }
        tar.into_inner().unwrap().finish().unwrap()
    }

    #[test]
    fn list_and_entries_must_fit_each_other() {
        let regular = EntryType::Regular;
        for (bytes, expected) in [
            (forged(&[("keyring", "a")], &[("keyring", regular, "b")]), "damaged"),
            (forged(&[("keyring", "a")], &[("keyring", regular, "ab")]), "damaged"),
            (forged(&[("keyring", "a")], &[]), "missing"),
            (forged(&[], &[("keyring", regular, "a")]), "which no backup holds"),
            (
                forged(&[("keyring", "a")], &[("keyring", regular, "a"), ("keyring", regular, "a")]),
                "no backup",
            ),
            (forged(&[("keyring", "")], &[("keyring", EntryType::Symlink, "")]), "which no backup holds"),
            (
                forged(
                    &[("sites/../../etc/cron.d/x.crt", "a")],
                    &[("sites/../../etc/cron.d/x.crt", regular, "a")],
                ),
                "which no backup holds",
            ),
            (forged(&[("../x", "a")], &[("../x", regular, "a")]), "which no backup holds"),
            (b"no archive at all".to_vec(), "not a backup"),
            (Vec::new(), "not a backup"),
        ] {
            let found = error(&bytes);
            assert!(found.contains(expected), "{found} / {expected}");
        }
        let whole = written(vec![source("keyring", "secret")]);
        assert!(!error(&whole[..whole.len() / 2]).is_empty());
    }
}
