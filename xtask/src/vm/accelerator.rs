//! What executes the guest's instructions: the processor, if it can, or an emulation.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::image::Image;
use crate::process::Program;
use crate::progress::loud;

/// What executes the guest's instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Accelerator {
    /// The kernel's virtual machines.
    Kvm,
    /// The emulator's own translation, about eight times slower.
    Tcg,
}

impl fmt::Display for Accelerator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kvm => "KVM",
            Self::Tcg => "TCG, emulated",
        })
    }
}

impl Accelerator {
    /// The emulator's arguments.
    pub(super) fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Kvm => &["-accel", "kvm", "-cpu", "host"],
            // A processor without much to emulate.
            Self::Tcg => &["-accel", "tcg,thread=multi,tb-size=1024", "-cpu", "Nehalem"],
        }
    }

    /// The kernel's arguments.
    pub(super) fn kernel_arguments(self) -> &'static str {
        match self {
            Self::Kvm => "",
            // There is no speculation to defend against, and the defence is emulated as well.
            Self::Tcg => "mitigations=off tsc=reliable",
        }
    }

    /// How many times longer than on the bare machine things may take.
    pub(super) fn patience(self) -> u32 {
        match self {
            Self::Kvm => 1,
            // About eight, and the machine that emulates may be busy with other things.
            Self::Tcg => 16,
        }
    }
}

/// KVM if a kernel really comes up with it. A device file says little: inside some clouds it is there
/// and runs no kernel but their own.
pub(super) fn choose(image: &Image) -> Accelerator {
    match probe(image) {
        Ok(()) => Accelerator::Kvm,
        Err(error) => {
            loud(&format!(
                "KVM does not work here, so the machine is emulated, which is about eight times slower: {error:#}"
            ));
            Accelerator::Tcg
        }
    }
}

/// Starts the kernel with nothing to mount: it says its name, panics and, told so, ends the emulator.
fn probe(image: &Image) -> Result<()> {
    std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/kvm")
        .context("/dev/kvm can't be opened")?;
    let said = Program::new("qemu-system-x86_64")
        .args(["-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio", "-no-reboot"])
        .args(["-machine", "q35", "-m", "512"])
        .args(Accelerator::Kvm.arguments())
        .arg("-kernel")
        .arg(image.kernel())
        .args(["-append", "console=ttyS0 panic=-1"])
        .within(Duration::from_secs(20))
        .outcome()?;
    if said.stdout.contains("Kernel panic") {
        return Ok(());
    }
    let last = said.stderr.lines().last().unwrap_or("the kernel did not come up");
    bail!("qemu ended with {}: {last}", said.code)
}
