//! The image that instances are copied from: Debian with what a Berth node needs.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::process::Program;
use crate::progress::Step;
use crate::{files, paths};

/// Debian's release.
const RELEASE: &str = "trixie";

/// To be raised when [`customise`] changes, so that images made before are not reused.
const RECIPE: u32 = 2;

/// What is installed beside the essential packages.
const PACKAGES: &[&str] = &[
    // The system itself.
    "systemd",
    "systemd-sysv",
    "libpam-systemd",
    "dbus",
    "dbus-user-session",
    "polkitd",
    "adduser",
    "ca-certificates",
    "iproute2",
    "logrotate",
    "procps",
    "psmisc",
    "kmod",
    // What the product's package depends on.
    "nginx",
    "openssh-server",
    "nftables",
    "acl",
    "attr",
    "quota",
    "btrfs-progs",
    "openssl",
    "php8.4-fpm",
    "php8.4-cli",
    "php8.4-mysql",
    "php8.4-curl",
    "php8.4-gd",
    "php8.4-mbstring",
    "php8.4-xml",
    "php8.4-zip",
    "php8.4-intl",
    "php8.4-opcache",
    "php8.4-sqlite3",
    "mariadb-server",
    // What a node that has mail, or file transfer by FTP, runs beside that.
    "postfix",
    "dovecot-core",
    "dovecot-imapd",
    "dovecot-pop3d",
    "dovecot-lmtpd",
    "dovecot-sieve",
    "dovecot-managesieved",
    "rspamd",
    "roundcube-core",
    "roundcube-sqlite3",
    "proftpd-core",
    // What the checks use.
    "swaks",
    "cron",
    "at",
    "curl",
    "strace",
    "sqlite3",
    "less",
    "openssh-client",
    "pebble",
    "dnsmasq",
    "netcat-openbsd",
];

/// What the first of several alternatives would bring along: another web server and another database. The
/// second alternative is in [`PACKAGES`].
const EXCLUDED: &[&str] = &[
    "apache2-bin",
    "libapache2-mod-php8.4",
    "libapr1t64",
    "libaprutil1t64",
    "libaprutil1-dbd-sqlite3",
    "libaprutil1-ldap",
    "roundcube-mysql",
];

/// Services that not every node has: Debian enables them, whoever configures them enables them again. A node
/// without them boots as if they were not installed.
const DISABLED: &[&str] = &["postfix", "dovecot", "rspamd", "proftpd"];

/// Units that would only wait for a terminal or for a network that is not there.
const MASKED: &[&str] = &[
    "console-getty.service",
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    // Checks start it themselves, with zones of their own.
    "dnsmasq.service",
];

/// Where the image is, or will be.
pub(crate) fn path() -> PathBuf {
    directory().join(paths::fingerprint(&recipe()))
}

/// All that an image depends on.
pub(crate) fn recipe() -> String {
    format!("{RECIPE} {RELEASE} {PACKAGES:?} {EXCLUDED:?} {DISABLED:?} {MASKED:?}")
}

/// Where all images are.
pub(crate) fn directory() -> PathBuf {
    paths::cache().join("images")
}

/// The image, built if it is missing.
pub(crate) fn ensure() -> Result<PathBuf> {
    let (images, image) = (directory(), path());
    if image.exists() {
        return Ok(image);
    }
    let _lock = files::lock(&images.join(".lock"))?;
    if image.exists() {
        return Ok(image);
    }
    let step = Step::start("building the node image (once, takes some minutes)");
    // Whoever was killed while building left a directory behind; nobody else builds now.
    let building = images.join(".building");
    files::remove_dir(&building)?;
    files::make_dir(&building)?;
    bootstrap(&building, &[])?;
    customise(&building)?;
    std::fs::rename(&building, &image)
        .with_context(|| format!("cannot rename {} to {}", building.display(), image.display()))?;
    step.done();
    Ok(image)
}

/// Installs Debian with everything that a node needs, and these packages beside it.
pub(crate) fn bootstrap(root: &Path, further: &[&str]) -> Result<()> {
    let packages = paths::cache().join("debs");
    files::make_dir(&packages)?;
    let mut program = Program::new("debootstrap")
        .arg("--variant=minbase")
        .arg(format!("--cache-dir={}", packages.display()))
        .arg(format!("--include={}", [PACKAGES, further].concat().join(",")))
        .arg(format!("--exclude={}", EXCLUDED.join(",")))
        .arg(RELEASE)
        .arg(root);
    if let Some(mirror) = mirror()? {
        program = program.arg(mirror);
    }
    let log = paths::cache().join("debootstrap.log");
    let mut said = String::new();
    let mut count = 0_u32;
    let code = program.lines(|line| {
        said.push_str(line);
        said.push('\n');
        count += 1;
        if count.is_multiple_of(200) {
            eprintln!("    {line}");
        }
    })?;
    files::write(&log, &said)?;
    if code != 0 {
        bail!("debootstrap ended with {code}; what it said is in {}", log.display());
    }
    Ok(())
}

/// The mirror that this machine already uses; debootstrap's own default otherwise.
fn mirror() -> Result<Option<String>> {
    if let Ok(mirror) = std::env::var("BERTH_XTASK_MIRROR") {
        return Ok(Some(mirror));
    }
    let found = Program::new("apt-get")
        .args(["indextargets", "--format", "$(REPO_URI)"])
        .args(["Created-By: Packages", "Origin: Debian", "Label: Debian"])
        .output()?;
    Ok(found.lines().next().map(str::to_owned))
}

/// Makes what was installed fit to be copied into instances.
pub(crate) fn customise(root: &Path) -> Result<()> {
    let units = root.join("etc/systemd/system");
    for unit in MASKED {
        let link = units.join(unit);
        std::os::unix::fs::symlink("/dev/null", &link)
            .with_context(|| format!("cannot mask {}", link.display()))?;
    }
    disable(&units)?;
    // An empty machine id makes every instance choose its own at its first boot.
    files::write(&root.join("etc/machine-id"), "")?;
    // The name comes from the container manager; a file would win over it.
    let _ = std::fs::remove_file(root.join("etc/hostname"));
    files::write(&root.join("etc/hosts"), "127.0.0.1 localhost\n::1 localhost\n")?;
    files::remove_dir(&root.join("var/cache/apt/archives"))?;
    files::make_dir(&root.join("var/cache/apt/archives/partial"))?;
    files::make_dir(&root.join("var/log/journal"))
}

/// Takes the units of [`DISABLED`] services out of what is started at boot.
fn disable(units: &Path) -> Result<()> {
    for wants in files::entries(units)? {
        if !wants.extension().is_some_and(|kind| kind == "wants" || kind == "requires") {
            continue;
        }
        for link in files::entries(&wants)? {
            let name = link.file_name().unwrap_or_default().to_string_lossy();
            let service = name.split(['.', '@', '-']).next().unwrap_or_default();
            if DISABLED.contains(&service) {
                std::fs::remove_file(&link).with_context(|| format!("cannot remove {}", link.display()))?;
            }
        }
    }
    Ok(())
}
