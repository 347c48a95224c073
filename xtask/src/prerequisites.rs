//! What must be installed on the developer's machine, and installing it.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::process::{Program, installed};
use crate::progress::Step;
use crate::{files, paths};

/// A program that a command needs, and the Debian package that brings it.
type Need = (&'static str, &'static str);

const NODE: &[Need] = &[
    ("debootstrap", "debootstrap"),
    ("systemd-nspawn", "systemd-container"),
    ("mkfs.btrfs", "btrfs-progs"),
    ("ip", "iproute2"),
    ("mount", "mount"),
    ("unshare", "util-linux"),
    ("kill", "procps"),
];

const SUITE: &[Need] =
    &[("curl", "curl"), ("ssh", "openssh-client"), ("sftp", "openssh-client"), ("openssl", "openssl")];

const VM: &[Need] = &[
    ("debootstrap", "debootstrap"),
    ("qemu-system-x86_64", "qemu-system-x86"),
    ("qemu-img", "qemu-utils"),
    ("mkfs.ext4", "e2fsprogs"),
    ("ip", "iproute2"),
    ("setpriv", "util-linux"),
    ("kill", "procps"),
];

const STORE: &[Need] = &[("psql", "postgresql")];

/// What bundles the panel's style and script, see `server/build.rs`.
const ASSETS: &[Need] = &[("node", "nodejs"), ("npm", "npm")];

const BROWSER: &[Need] = &[("chromium", "chromium"), ("node", "nodejs"), ("npm", "npm")];

/// A developer tool from crates.io, with the version that we use.
struct Tool {
    name: &'static str,
    version: &'static str,
}

const DEB: Tool = Tool { name: "cargo-deb", version: "3.8.0" };
const DENY: Tool = Tool { name: "cargo-deny", version: "0.20.2" };

/// What booting a node takes.
pub(crate) fn node() -> Result<()> {
    packages(NODE)
}

/// What the node suite takes.
pub(crate) fn suite() -> Result<()> {
    packages(SUITE)
}

/// What the VM suite takes.
pub(crate) fn vm() -> Result<()> {
    packages(VM)?;
    packages(SUITE)
}

/// What building the panel takes.
pub(crate) fn assets() -> Result<()> {
    packages(ASSETS)
}

/// What the browser suite takes: a browser, and the libraries of the lock file, which are kept outside of the
/// checkout. Gives the directory of the libraries.
pub(crate) fn browser() -> Result<PathBuf> {
    packages(BROWSER)?;
    let source = paths::repository()?.join("xtask/browser");
    let locked = source.join("package-lock.json");
    let lock = std::fs::read(&locked).with_context(|| format!("cannot read {}", locked.display()))?;
    let place = paths::cache().join("browser").join(paths::fingerprint_bytes(&lock));
    let _lock = files::lock(&paths::cache().join("browser/.lock"))?;
    let modules = place.join("node_modules");
    if !modules.exists() {
        let step = Step::start("installing what drives the browser (once)");
        let fresh = paths::cache().join("browser/new");
        files::remove_dir(&fresh)?;
        files::make_dir(&fresh)?;
        for name in ["package.json", "package-lock.json"] {
            std::fs::copy(source.join(name), fresh.join(name))
                .with_context(|| format!("cannot copy {name}"))?;
        }
        let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
        Program::new("npm").args(arguments).dir(&fresh).within(Duration::from_mins(5)).output()?;
        std::fs::rename(&fresh, &place).context("cannot keep what drives the browser")?;
        step.done();
    }
    Ok(modules)
}

/// What the store suite takes.
pub(crate) fn store() -> Result<()> {
    packages(STORE)
}

/// The tool that makes the Debian package.
pub(crate) fn cargo_deb() -> Result<Program> {
    tool(&DEB)
}

/// The tool that checks licences and sources of dependencies.
pub(crate) fn cargo_deny() -> Result<Program> {
    tool(&DENY)
}

fn packages(needs: &[Need]) -> Result<()> {
    let missing: Vec<&Need> = needs.iter().filter(|need| !installed(need.0)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut names: Vec<&str> = missing.iter().map(|need| need.1).collect();
    names.dedup();
    let list = names.join(" ");
    if !paths::is_root() || !installed("apt-get") {
        bail!("these Debian packages are missing, and installing them takes root and apt: {list}");
    }
    let step = Step::start(format!("installing {list}"));
    let apt = || Program::new("apt-get").env("DEBIAN_FRONTEND", "noninteractive").arg("-q");
    apt().arg("update").output()?;
    apt().args(["install", "-y", "--no-install-recommends"]).args(names).output()?;
    step.done();
    Ok(())
}

/// The tool of this very version, installed into the cache if it is not there.
fn tool(tool: &Tool) -> Result<Program> {
    let root = paths::cache().join("tools").join(format!("{}-{}", tool.name, tool.version));
    let program = root.join("bin").join(tool.name);
    let _lock = files::lock(&paths::cache().join("tools/.lock"))?;
    if !program.exists() {
        let step = Step::start(format!("installing {} {} (once)", tool.name, tool.version));
        Program::new("cargo")
            .args(["install", "--locked", "--quiet", tool.name, "--version", tool.version])
            .arg("--root")
            .arg(&root)
            .env("CARGO_TARGET_DIR", paths::target())
            .output()?;
        step.done();
    }
    Ok(Program::new(program))
}
