//! Where things are kept: the checkout, the cache, the build output.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The root of the checkout that the command was started from.
pub(crate) fn repository() -> Result<PathBuf> {
    // Cargo says at run time which checkout it serves; a build directory that several checkouts
    // share may hold a binary that another one compiled.
    let package = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    let root = package.parent().context("the xtask package has no parent directory")?;
    root.canonicalize().with_context(|| format!("cannot resolve {}", root.display()))
}

/// Everything that outlives a checkout: node images, instances, tools, build output.
pub(crate) fn cache() -> PathBuf {
    if let Some(dir) = std::env::var_os("BERTH_XTASK_CACHE") {
        return PathBuf::from(dir);
    }
    let system = Path::new("/var/cache");
    match std::env::var_os("HOME") {
        Some(home) if !is_root() => Path::new(&home).join(".cache/berth-xtask"),
        _ => system.join("berth-xtask"),
    }
}

/// The build directory of every nested cargo command.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| cache().join("target"), PathBuf::from)
}

/// The cargo profile that the product is built with. `dev` builds in a fraction of the time, for trying things
/// on a node while working on them; figures are only worth something with the default.
pub(crate) fn profile() -> String {
    std::env::var("BERTH_XTASK_PROFILE").unwrap_or_else(|_| "release".to_owned())
}

/// Where cargo puts what it builds with [`profile`].
pub(crate) fn built() -> PathBuf {
    let profile = profile();
    target().join(if profile == "dev" { "debug" } else { &profile })
}

/// Whether we are root.
pub(crate) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    // The owner of our own process directory is our effective user.
    std::fs::metadata("/proc/self").is_ok_and(|found| found.uid() == 0)
}

/// A short stable name for a text.
pub(crate) fn fingerprint(text: &str) -> String {
    fingerprint_bytes(text.as_bytes())
}

/// A short stable name for some bytes: FNV-1a, because the standard hasher may change between
/// compilers and a changed name would orphan what is stored under the old one.
pub(crate) fn fingerprint_bytes(bytes: &[u8]) -> String {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}
