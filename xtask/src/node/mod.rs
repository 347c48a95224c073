//! A Debian node: a real system, booted with systemd in a container of its own.

mod boot;
mod credentials;
mod exec;
pub(crate) mod image;
pub(crate) mod network;
pub(crate) mod state;

use std::time::Duration;

use anyhow::{Context, Result, bail};

pub(crate) use boot::supervise;
pub(crate) use credentials::Credentials;
pub(crate) use state::{Instance, Process};

use state::Machine;

use crate::process::{Outcome, Program, Running};
use crate::{paths, vm};

/// A booted node.
pub(crate) struct Node {
    instance: Instance,
}

/// The name of the node of this checkout, unless the developer chose one.
pub(crate) fn default_name(chosen: Option<&str>) -> Result<String> {
    let name = match (chosen, std::env::var("BERTH_NODE")) {
        (Some(name), _) => name.to_owned(),
        (None, Ok(name)) => name,
        (None, Err(_)) => {
            let root = paths::repository()?;
            let hash = paths::fingerprint(&root.to_string_lossy());
            format!("n{}", hash.get(..8).unwrap_or(&hash))
        }
    };
    let fits = (1..=32).contains(&name.len())
        && !name.starts_with('-')
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if !fits {
        bail!("the node name {name:?} must be 1 to 32 lower-case letters, digits or inner hyphens");
    }
    Ok(name)
}

/// Whether the image that nodes are made from is there.
pub(crate) fn image_exists() -> bool {
    image::path().exists()
}

/// What keeps this machine from booting a node; empty if nothing does.
pub(crate) fn obstacles() -> Vec<String> {
    boot::obstacles()
}

impl Node {
    /// The node that this running instance is.
    pub(crate) fn of(instance: Instance) -> Self {
        Self { instance }
    }

    /// Boots the node of this name, or finds it booted.
    pub(crate) fn up(name: &str) -> Result<Self> {
        let image = image::ensure()?;
        let instance = boot::up(name, &image)?;
        Ok(Self { instance })
    }

    /// The node of this name, which must be running.
    pub(crate) fn running(name: &str) -> Result<Self> {
        let instance = Instance::load(name)?
            .with_context(|| format!("there is no node {name}; `cargo xtask up` makes one"))?;
        if !instance.is_running() {
            bail!("node {name} is not running; `cargo xtask up` starts it");
        }
        Ok(Self { instance })
    }

    /// Stops the node of this name if it runs; its data stay.
    pub(crate) fn down(name: &str) -> Result<bool> {
        boot::down(name)
    }

    /// Stops the node of this name and removes everything of it.
    pub(crate) fn remove(name: &str) -> Result<()> {
        boot::remove(name)
    }

    /// What is kept about this node outside of it.
    pub(crate) fn instance(&self) -> &Instance {
        &self.instance
    }

    /// Remembers which package is installed.
    pub(crate) fn installed(&mut self, fingerprint: &str) -> Result<()> {
        self.instance.package = Some(fingerprint.to_owned());
        self.instance.save()
    }

    /// The address at which the node answers.
    pub(crate) fn address(&self) -> String {
        self.instance.address()
    }

    /// An address of this machine that is a public one for the node.
    pub(crate) fn neighbour(&self) -> String {
        network::neighbour_address(self.instance.number)
    }

    /// The private address of this machine on the node's network.
    pub(crate) fn gateway(&self) -> String {
        network::host_address(self.instance.number)
    }

    /// Boots the node anew, in a network namespace that is new as well.
    pub(crate) fn reboot(&self) -> Result<()> {
        boot::down(self.instance.name())?;
        boot::up(self.instance.name(), &self.instance.image)?;
        Ok(())
    }

    /// A program to be run inside the node as root.
    pub(crate) fn program<I, S>(&self, argv: I) -> Program
    where
        I: IntoIterator<Item = S>,
        S: AsRef<std::ffi::OsStr>,
    {
        let limit = Duration::from_mins(5) * self.instance.patience();
        if let Machine::Virtual { .. } = self.instance.machine {
            return vm::channel::program(&self.instance, argv).within(limit);
        }
        // The process has to move into the node's control group before it enters the node, and
        // only a process of its own can do that without moving this one.
        Program::new("/proc/self/exe")
            .args(["node", "exec", "--name", self.instance.name(), "--"])
            .args(argv)
            .within(limit)
    }

    /// Runs a program inside the node and collects what it printed.
    pub(crate) fn exec<I, S>(&self, argv: I) -> Result<Outcome>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<std::ffi::OsStr>,
    {
        self.program(argv).outcome()
    }

    /// Runs a program inside the node; a non-zero exit code is an error.
    pub(crate) fn run<I, S>(&self, argv: I) -> Result<String>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<std::ffi::OsStr>,
    {
        self.program(argv).output()
    }

    /// Starts a program inside the node and returns at once.
    pub(crate) fn start<I, S>(&self, argv: I) -> Result<Running>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<std::ffi::OsStr>,
    {
        self.program(argv).start()
    }

    /// Writes a file inside the node.
    pub(crate) fn write(&self, path: &str, content: &[u8]) -> Result<()> {
        self.program(["tee", "--", path]).input(content).output()?;
        Ok(())
    }

    /// Waits until `test` says yes.
    pub(crate) fn wait_for(
        &self,
        what: &str,
        limit: Duration,
        mut test: impl FnMut(&Self) -> Result<bool>,
    ) -> Result<Duration> {
        let limit = limit * self.instance.patience();
        let since = std::time::Instant::now();
        let mut last = None;
        while since.elapsed() < limit {
            match test(self) {
                Ok(true) => return Ok(since.elapsed()),
                Ok(false) => last = None,
                Err(error) => last = Some(error),
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        match last {
            Some(error) => Err(error.context(format!("waited {limit:?} for {what}"))),
            None => bail!("waited {limit:?} for {what}"),
        }
    }
}

/// Enters the node of this name with a command in place of this process.
pub(crate) fn enter(name: &str, argv: &[String]) -> Result<anyhow::Error> {
    let node = Node::running(name)?;
    exec::enter(&node.instance, argv)
}

/// Opens a shell in the node of this name in place of this process.
pub(crate) fn shell(name: &str) -> Result<anyhow::Error> {
    let node = Node::running(name)?;
    exec::shell(&node.instance)
}

/// Shows the journal of the node, or what its console said if it does not run.
pub(crate) fn logs(name: &str, arguments: &[String]) -> Result<anyhow::Error> {
    let instance = Instance::load(name)?
        .with_context(|| format!("there is no node {name}; `cargo xtask up` makes one"))?;
    if !instance.is_running() {
        return Ok(Program::new("cat").arg(instance.console()).replace());
    }
    let mut argv: Vec<String> = vec!["journalctl".into(), "--no-pager".into()];
    if arguments.is_empty() {
        argv.push("--boot".into());
    } else {
        argv.extend(arguments.iter().cloned());
    }
    exec::enter(&instance, &argv)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_names_are_safe_as_file_and_host_names() {
        for name in ["a", "n12ab34cd", "two-nodes"] {
            assert_eq!(default_name(Some(name)).unwrap(), name);
        }
        for name in ["", "-a", "..", "a/b", "Upper", "a b", &"a".repeat(33)] {
            assert!(default_name(Some(name)).is_err(), "{name}");
        }
    }
}
