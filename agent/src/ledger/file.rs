//! One file of the ledger: the SHA-256 of the rest on the first line, then JSON.

use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::host::linux::atomic;

/// Reads a file. `None` if there is none or it does not verify: torn, or of another form.
pub(super) fn load<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(about("read", path, &error)),
    };
    Ok(verified(&bytes).and_then(|json| serde_json::from_slice(json).ok()))
}

fn verified(bytes: &[u8]) -> Option<&[u8]> {
    let (sum, json) = bytes.split_at_checked(64)?;
    let json = json.strip_prefix(b"\n")?;
    (hex::encode(Sha256::digest(json)).as_bytes() == sum).then_some(json)
}

/// Replaces a file, and is sure that it is on the disk.
pub(super) fn store<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    let json = serde_json::to_vec(value).map_err(|error| about("encode", path, &error.into()))?;
    let mut bytes = hex::encode(Sha256::digest(&json)).into_bytes();
    bytes.push(b'\n');
    bytes.extend_from_slice(&json);
    atomic::replace(path, &bytes, 0o600).map_err(|error| about("replace", path, &error))
}

/// Removes a file.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    std::fs::remove_file(path).map_err(|error| about("remove", path, &error))
}

/// The ledger's files in a directory; what a crash left of a replacement is removed.
pub(super) fn list(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(|error| about("list", dir, &error))? {
        let path = entry.map_err(|error| about("list", dir, &error))?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            paths.push(path);
        } else {
            remove(&path)?;
        }
    }
    paths.sort();
    Ok(paths)
}

/// Makes a directory that only its owner can enter.
pub(super) fn make_private_dir(dir: &Path) -> io::Result<()> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.and_then(|()| std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700)))
        .map_err(|error| about("make", dir, &error))
}

fn about(operation: &str, path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot {operation} {}: {error}", path.display()))
}
