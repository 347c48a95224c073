//! The disk that virtual machines start from: Debian with what a Berth node needs, and its own kernel.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::process::Program;
use crate::progress::Step;
use crate::{files, node, paths};

/// To be raised when [`customise`] changes, so that images made before are not reused.
const RECIPE: u32 = 2;

/// What is installed beside the packages of a node.
const PACKAGES: &[&str] = &["linux-image-cloud-amd64", "initramfs-tools", "zstd", "e2fsprogs", "xfsprogs"];

/// How large the root file system is; the file is sparse.
const ROOT_BYTES: &str = "6G";

/// Files of the guest that make it reachable.
const GUEST: &[(&str, &str)] = &[
    ("etc/systemd/system/xtask-sshd.service", include_str!("guest/xtask-sshd.service")),
    ("etc/ssh/xtask_sshd_config", include_str!("guest/xtask_sshd_config")),
    ("etc/systemd/system/ssh.service.d/keep-run-sshd.conf", include_str!("guest/keep-run-sshd.conf")),
    ("etc/fstab", "/dev/vda / ext4 defaults 0 1\n"),
    ("etc/initramfs-tools/modules", "virtio_pci\nvirtio_blk\nvirtio_net\next4\n"),
    // Only what is named above is packed, which an emulated processor unpacks much faster.
    ("etc/initramfs-tools/conf.d/xtask", "MODULES=list\n"),
];

/// Units that have to be started at boot, with where they are.
const ENABLED: &[(&str, &str)] = &[
    ("multi-user.target.wants", "/etc/systemd/system/xtask-sshd.service"),
    ("multi-user.target.wants", "/usr/lib/systemd/system/systemd-networkd.service"),
    ("sysinit.target.wants", "/usr/lib/systemd/system/systemd-network-generator.service"),
];

/// Units that wait for somebody at a terminal, or look after a machine that lives for minutes. The database
/// server is there and is started by whoever needs it: an emulated processor takes minutes for that.
const MASKED: &[&str] = &[
    "serial-getty@ttyS0.service",
    "getty@tty1.service",
    "e2scrub_reap.service",
    "e2scrub_all.timer",
    "xfs_scrub_all.timer",
    "fstrim.timer",
    "logrotate.timer",
    "phpsessionclean.timer",
    "dpkg-db-backup.timer",
];

/// Units that Debian starts at boot and that wait here to be started.
const DISABLED: &[&str] = &["multi-user.target.wants/mariadb.service"];

/// Files whose age says that what systemd derives from `/usr` was derived already, which saves a minute at
/// the first boot of an emulated machine.
const UP_TO_DATE: &[&str] = &["etc/.updated", "var/.updated"];

/// What a virtual machine is started with.
pub(crate) struct Image {
    /// The directory of everything.
    pub(crate) dir: PathBuf,
}

impl Image {
    /// The root file system, which nobody writes to.
    pub(crate) fn root(&self) -> PathBuf {
        self.dir.join("root.img")
    }

    /// The kernel.
    pub(crate) fn kernel(&self) -> PathBuf {
        self.dir.join("vmlinuz")
    }

    /// What the kernel starts with.
    pub(crate) fn initrd(&self) -> PathBuf {
        self.dir.join("initrd.img")
    }
}

/// The image, built if it is missing.
pub(crate) fn ensure() -> Result<Image> {
    let images = node::image::directory();
    let recipe = format!(
        "{RECIPE} {} {PACKAGES:?} {GUEST:?} {ENABLED:?} {MASKED:?} {DISABLED:?} {ROOT_BYTES}",
        node::image::recipe()
    );
    let image = Image { dir: images.join(format!("vm-{}", paths::fingerprint(&recipe))) };
    if image.dir.exists() {
        return Ok(image);
    }
    let _lock = files::lock(&images.join(".lock"))?;
    if image.dir.exists() {
        return Ok(image);
    }
    let step = Step::start("building the image for virtual machines (once, takes some minutes)");
    // Whoever was killed while building left a directory behind; nobody else builds now.
    let building = images.join(".building");
    files::remove_dir(&building)?;
    let root = building.join("root");
    files::make_dir(&root)?;
    node::image::bootstrap(&root, PACKAGES)?;
    node::image::customise(&root)?;
    customise(&root)?;
    take_kernel(&root, &building)?;
    Program::new("mkfs.ext4")
        .args(["-q", "-L", "berth-root", "-d"])
        .arg(&root)
        .arg(building.join("root.img"))
        .arg(ROOT_BYTES)
        .output()?;
    files::remove_dir(&root)?;
    std::fs::rename(&building, &image.dir)
        .with_context(|| format!("cannot rename {} to {}", building.display(), image.dir.display()))?;
    step.done();
    Ok(image)
}

fn customise(root: &Path) -> Result<()> {
    for (path, content) in GUEST {
        let path = root.join(path);
        files::make_dir(path.parent().unwrap_or(root))?;
        files::write(&path, content)?;
    }
    for (target, unit) in ENABLED {
        let dir = root.join("etc/systemd/system").join(target);
        files::make_dir(&dir)?;
        let link = dir.join(Path::new(unit).file_name().unwrap_or_default());
        match std::os::unix::fs::symlink(unit, &link) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(error).with_context(|| format!("cannot enable {unit}"));
            }
            _ => {}
        }
    }
    for unit in MASKED {
        let link = root.join("etc/systemd/system").join(unit);
        std::os::unix::fs::symlink("/dev/null", &link)
            .with_context(|| format!("cannot mask {}", link.display()))?;
    }
    for unit in DISABLED {
        let link = root.join("etc/systemd/system").join(unit);
        std::fs::remove_file(&link).with_context(|| format!("cannot disable {}", link.display()))?;
    }
    for derive in [&["ldconfig"][..], &["journalctl", "--update-catalog"], &["systemd-sysusers"]] {
        Program::new("chroot").arg(root).args(derive).output()?;
    }
    for path in UP_TO_DATE {
        files::write(&root.join(path), "")?;
    }
    Program::new("chroot").arg(root).args(["update-initramfs", "-u", "-k", "all"]).output()?;
    Ok(())
}

/// Copies kernel and initial file system to where the emulator loads them from.
fn take_kernel(root: &Path, to: &Path) -> Result<()> {
    for (prefix, name) in [("vmlinuz-", "vmlinuz"), ("initrd.img-", "initrd.img")] {
        let boot = root.join("boot");
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&boot).with_context(|| format!("cannot list {}", boot.display()))? {
            let entry = entry.with_context(|| format!("cannot list {}", boot.display()))?;
            if entry.file_name().to_string_lossy().starts_with(prefix) {
                found.push(entry.path());
            }
        }
        let [file] = found.as_slice() else {
            bail!("expected one {prefix}* in the image, found {found:?}");
        };
        std::fs::copy(file, to.join(name)).with_context(|| format!("cannot copy {}", file.display()))?;
    }
    Ok(())
}
