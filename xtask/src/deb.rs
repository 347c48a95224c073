//! Building the product and its Debian package.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::process::Program;
use crate::progress::Step;
use crate::{files, paths, prerequisites};

/// A Debian package of the product.
pub(crate) struct Deb {
    /// Where it lies.
    pub(crate) path: PathBuf,
    /// Tells one build from another.
    pub(crate) fingerprint: String,
}

/// Cargo in the checkout, building into the directory that all nested commands share.
pub(crate) fn cargo() -> Result<Program> {
    prerequisites::assets()?;
    Ok(Program::new("cargo").dir(&paths::repository()?).env("CARGO_TARGET_DIR", paths::target()))
}

/// Builds the binary and gives its path.
pub(crate) fn binary() -> Result<PathBuf> {
    let step = Step::start("building berth");
    let profile = paths::profile();
    cargo()?.args(["build", "--profile", &profile, "--package", "berth", "--bin", "berth"]).shown()?;
    step.done();
    Ok(paths::built().join("berth"))
}

/// Builds the Debian package; `version` is for tests that need a second, newer one.
pub(crate) fn build(version: Option<&str>) -> Result<Deb> {
    // Checkouts that build into directories of their own need not wait for each other.
    files::make_dir(&paths::target())?;
    let _lock = files::lock(&paths::target().join("package.lock"))?;
    let berth = binary()?;
    documents(&berth)?;
    let mut tool = prerequisites::cargo_deb()?;
    let step = Step::start("making the Debian package");
    let path = package_path(version.unwrap_or("current"))?;
    tool = tool
        .dir(&paths::repository()?)
        .env("CARGO_TARGET_DIR", paths::target())
        .args(["--package", "berth", "--no-build", "--fast", "--profile", &paths::profile(), "--output"])
        .arg(&path);
    if let Some(version) = version {
        tool = tool.args(["--deb-version", version]);
    }
    tool.output()?;
    let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    step.done();
    Ok(Deb { path, fingerprint: paths::fingerprint_bytes(&bytes) })
}

/// Has the program write its manual pages and completions to where the package description looks for them.
fn documents(berth: &Path) -> Result<()> {
    let dir = paths::built().join("packaging");
    // A page of a command that no longer exists must not be packed.
    files::remove_dir(&dir)?;
    files::make_dir(&dir.join("completions"))?;
    Program::new(berth).arg("man").arg(dir.join("man")).output()?;
    for (shell, file) in [("bash", "berth.bash"), ("zsh", "_berth"), ("fish", "berth.fish")] {
        let script = Program::new(berth).args(["completions", shell]).output()?;
        files::write(&dir.join("completions").join(file), &script)?;
    }
    Ok(())
}

/// The package that [`build`] made last from this checkout.
pub(crate) fn built() -> Result<Deb> {
    let path = package_path("current")?;
    let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Deb { path, fingerprint: paths::fingerprint_bytes(&bytes) })
}

/// Several checkouts share the cache, each has packages of its own.
fn package_path(version: &str) -> Result<PathBuf> {
    let root = paths::repository()?;
    let checkout = paths::fingerprint(&root.to_string_lossy());
    let dir = paths::cache().join("packages");
    files::make_dir(&dir)?;
    Ok(dir.join(format!("berth-{checkout}-{version}.deb")))
}
