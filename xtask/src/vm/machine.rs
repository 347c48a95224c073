//! Starting a virtual machine and ending it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::image::{self, Image};
use super::{FileSystem, accelerator, channel};
use crate::files;
use crate::node::state::{self, Machine};
use crate::node::{Instance, Node, Process, network};
use crate::process::Program;
use crate::progress::Step;

/// How large the file behind `/home` may grow; it is sparse.
const HOME_BYTES: u64 = 4 << 30;

/// How long a boot may take on the bare processor.
const BOOT: Duration = Duration::from_mins(2);

/// A virtual machine that is removed with this value.
pub(super) struct Guest {
    /// The machine as a node.
    pub(super) node: Node,
    keep: bool,
}

impl Drop for Guest {
    fn drop(&mut self) {
        if self.keep {
            eprintln!(
                "  the virtual machine stays; `cargo xtask node shell --name {}` looks into it,",
                self.name()
            );
            eprintln!("  `cargo xtask down --remove --name {}` removes it", self.name());
            return;
        }
        channel::close(self.node.instance());
        if let Err(error) = Node::remove(self.name()) {
            eprintln!("{error:#}");
        }
    }
}

impl Guest {
    /// Boots a fresh machine whose `/home` is on this file system.
    pub(super) fn boot(name: &str, file_system: FileSystem, keep: bool) -> Result<Self> {
        let image = image::ensure()?;
        let accelerator = accelerator::choose(&image);
        Node::remove(name)?;
        let step = Step::start(format!(
            "booting a virtual machine with /home on {} ({accelerator})",
            file_system.name()
        ));
        let mut instance = {
            let _lock = state::lock(name)?;
            let machine = Machine::Virtual { patience: accelerator.patience() };
            Instance::create(name, &image.dir, machine)?
        };
        let started = start(&mut instance, &image, accelerator, keep);
        let guest = Self { node: Node::of(instance), keep };
        let booted = started.and_then(|()| wait_until_booted(&guest.node));
        let ready = booted.and_then(|()| prepare_home(&guest.node, file_system));
        if let Err(error) = ready {
            guest.show_console();
            return Err(error);
        }
        step.done();
        Ok(guest)
    }

    fn name(&self) -> &str {
        self.node.instance().name()
    }

    /// Shows the end of what the machine's console and the emulator said.
    pub(super) fn show_console(&self) {
        let instance = self.node.instance();
        for (what, path) in [("console", instance.console()), ("emulator", instance.dir().join("qemu.log"))] {
            let said = std::fs::read(&path).unwrap_or_default();
            let said = String::from_utf8_lossy(&said);
            let lines: Vec<&str> = said.lines().collect();
            let from = lines.len().saturating_sub(60);
            eprintln!("the end of what the {what} said:");
            for line in lines.get(from..).unwrap_or_default() {
                eprintln!("    {line}");
            }
        }
    }
}

/// Boots the machine anew by its own means and waits until it is up again.
pub(super) fn reboot(node: &Node) -> Result<()> {
    restart(node, &["systemctl", "reboot"])
}

/// Resets the machine without a warning: nothing that was not yet on its disk survives.
pub(super) fn power_cut(node: &Node) -> Result<()> {
    restart(node, &["sh", "-c", "echo b > /proc/sysrq-trigger"])
}

fn restart(node: &Node, how: &[&str]) -> Result<()> {
    let before = boot_id(node)?;
    // The connection may end before the command's result has come through.
    let asked = node.start(how)?.within(Duration::from_secs(20) * node.instance().patience());
    node.wait_for("the next boot", BOOT, |node| Ok(boot_id(node)? != before))?;
    drop(asked);
    wait_until_booted(node)
}

fn boot_id(node: &Node) -> Result<String> {
    node.program(["cat", "/proc/sys/kernel/random/boot_id"])
        .within(Duration::from_secs(10) * node.instance().patience())
        .output()
}

fn start(
    instance: &mut Instance,
    image: &Image,
    accelerator: accelerator::Accelerator,
    keep: bool,
) -> Result<()> {
    let dir = instance.dir();
    Program::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "xtask", "-f"])
        .arg(channel::key(instance))
        .output()?;
    let (root, home) = (dir.join("root.qcow2"), dir.join("home.img"));
    Program::new("qemu-img")
        .args(["create", "-q", "-f", "qcow2", "-F", "raw", "-b"])
        .arg(image.root())
        .arg(&root)
        .output()?;
    let file = std::fs::File::create(&home).with_context(|| format!("cannot create {}", home.display()))?;
    file.set_len(HOME_BYTES).with_context(|| format!("cannot grow {}", home.display()))?;
    let card = network::create_tap(instance.number)?;

    // A developer who interrupts the suite ends the machine with it; one that is kept outlives us.
    let wrapper: &[&str] = if keep { &["setsid"] } else { &["setpriv", "--pdeathsig", "KILL"] };
    let mut words = wrapper.iter().copied();
    let mut program = Program::new(words.next().unwrap_or_default()).args(words);
    program = program
        .arg("qemu-system-x86_64")
        .args(["-name", instance.name(), "-nodefaults", "-no-user-config", "-display", "none"])
        .args(["-machine", "q35", "-smp", "2", "-m", "3072"])
        .args(accelerator.arguments())
        .arg("-kernel")
        .arg(image.kernel())
        .arg("-initrd")
        .arg(image.initrd())
        .args(["-append", &kernel_arguments(instance, accelerator)?])
        .args(["-device", "virtio-rng-pci"]);
    for (name, path, format) in [("root", &root, "qcow2"), ("home", &home, "raw")] {
        program = program
            // What the guest was told is on disk must survive the guest, not this machine.
            .args([
                "-drive",
                &format!("if=none,id={name},format={format},cache=unsafe,file={}", path.display()),
            ])
            .args(["-device", &format!("virtio-blk-pci,drive={name},serial={name}")]);
    }
    let child = program
        .args(["-netdev", &format!("tap,id=net,ifname={card},script=no,downscript=no")])
        .args(["-device", "virtio-net-pci,netdev=net"])
        .args(["-serial", &format!("file:{}", instance.console().display())])
        .detach(&dir.join("qemu.log"))?;
    instance.supervisor = Process::find(child.id());
    instance.leader = instance.supervisor;
    instance.save()
}

fn kernel_arguments(instance: &Instance, accelerator: accelerator::Accelerator) -> Result<String> {
    let public = files::read(&channel::key(instance).with_extension("pub"))?;
    let number = instance.number;
    let network = format!(
        "[Match]\nName=eth0\n[Network]\nAddress={}/30\nGateway={}\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n",
        network::node_address(number),
        network::host_address(number)
    );
    // `ip=` would be shorter, but the initial file system takes it for its own and waits for the card.
    let credential =
        |name: &str, text: &str| format!("systemd.set_credential_binary={name}:{}", base64(text.as_bytes()));
    Ok([
        "root=/dev/vda rw console=ttyS0 loglevel=5 panic=5 net.ifnames=0".to_owned(),
        // What goes wrong is to be seen on the console; every character of the rest costs time.
        "systemd.show_status=error systemd.journald.forward_to_console=1".to_owned(),
        "systemd.journald.max_level_console=warning".to_owned(),
        accelerator.kernel_arguments().to_owned(),
        format!("systemd.hostname={}", instance.hostname()),
        credential("network.network.50-eth0", &network),
        credential("ssh.authorized_keys.root", &public),
    ]
    .join(" "))
}

fn wait_until_booted(node: &Node) -> Result<()> {
    let instance = node.instance();
    let limit = BOOT * instance.patience();
    let since = Instant::now();
    let mut last = String::new();
    let mut shared = false;
    while since.elapsed() < limit {
        if !instance.is_running() {
            bail!("the virtual machine ended while booting");
        }
        let asked = node
            .program(["systemctl", "is-system-running"])
            .within(Duration::from_secs(20) * instance.patience())
            .outcome();
        if let Ok(asked) = asked {
            format!("{}{}", asked.stdout, asked.stderr).trim().clone_into(&mut last);
        }
        if last == "running" || last == "degraded" {
            return Ok(());
        }
        if !shared && !last.is_empty() && !last.contains("ssh") {
            channel::open(instance)?;
            shared = true;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    bail!("the virtual machine did not finish booting within {limit:?}: {last}");
}

/// Puts `/home` on a disk of its own with user quota, as an administrator would.
fn prepare_home(node: &Node, file_system: FileSystem) -> Result<()> {
    node.run(file_system.make(HOME))?;
    let line = format!("{HOME} /home {} {} 0 2\n", file_system.name(), file_system.options());
    node.program(["tee", "-a", "/etc/fstab"]).input(line).output()?;
    node.run(["systemctl", "daemon-reload"])?;
    node.run(["mount", "/home"])?;
    Ok(())
}

/// The disk for `/home`, which is found by its serial number.
const HOME: &str = "/dev/disk/by-id/virtio-home";

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group =
            chunk.iter().fold(0_u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = (group >> (18 - 6 * place)) & 63;
            let shown = DIGITS.get(digit as usize).copied().unwrap_or(b'=');
            text.push(if place > chunk.len() { '=' } else { char::from(shown) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn keys_are_handed_over_in_base64() {
        let check = |plain: &str, expected: &str| assert_eq!(base64(plain.as_bytes()), expected);
        check("", "");
        check("f", "Zg==");
        check("fo", "Zm8=");
        check("foo", "Zm9v");
        check("foobar", "Zm9vYmFy");
    }
}
