//! What is kept about an instance: one directory in the cache, outside every checkout.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::{files, paths};

/// An instance of the node image, running or not.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Instance {
    name: String,
    /// Addresses and interface names derive from this.
    pub(crate) number: u8,
    /// The image that the instance was made from.
    pub(crate) image: PathBuf,
    /// What runs it.
    #[serde(default)]
    pub(crate) machine: Machine,
    /// The container's supervisor on the host, or the emulator.
    pub(crate) supervisor: Option<Process>,
    /// PID 1 of the container, as the host counts it; again the emulator for a virtual machine.
    pub(crate) leader: Option<Process>,
    /// The fingerprint of the package that is installed.
    pub(crate) package: Option<String>,
}

/// What an instance runs in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Machine {
    /// A container on this machine's kernel.
    #[default]
    Container,
    /// A virtual machine with a kernel of its own.
    Virtual {
        /// How many times longer than on the bare machine things may take.
        patience: u32,
    },
}

/// A process id together with the time of its start, so that a reused id is not taken for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Process {
    /// The process id on the host.
    pub(crate) id: u32,
    /// Start time in the kernel's ticks since its boot.
    pub(crate) started: u64,
}

impl Process {
    /// The process that has this id now, unless it is dead and only waits to be collected.
    pub(crate) fn find(id: u32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // The name in parentheses may itself hold spaces and parentheses.
        let (_, rest) = stat.rsplit_once(')')?;
        let mut fields = rest.split_whitespace();
        let state = fields.next()?;
        if matches!(state, "Z" | "X") {
            return None;
        }
        let started = fields.nth(18)?.parse().ok()?;
        Some(Self { id, started })
    }

    /// Whether this very process is still there.
    pub(crate) fn alive(self) -> bool {
        Self::find(self.id) == Some(self)
    }
}

fn root() -> PathBuf {
    paths::cache().join("nodes")
}

impl Instance {
    /// The instance of this name, if there is one.
    pub(crate) fn load(name: &str) -> Result<Option<Self>> {
        let path = root().join(name).join("state.json");
        if !path.exists() {
            return Ok(None);
        }
        let text = files::read(&path)?;
        let instance = serde_json::from_str(&text)
            .with_context(|| format!("{} is not the state of a node", path.display()))?;
        Ok(Some(instance))
    }

    /// A new instance with a number that no other one has.
    pub(crate) fn create(name: &str, image: &Path, machine: Machine) -> Result<Self> {
        let _lock = files::lock(&root().join(".numbers"))?;
        let mut taken = Vec::new();
        for entry in std::fs::read_dir(root()).context("cannot list the nodes")? {
            let entry = entry.context("cannot list the nodes")?;
            if let Some(other) = Self::load(&entry.file_name().to_string_lossy())? {
                taken.push(other.number);
            }
        }
        let Some(number) =
            (1..=250).find(|number| !taken.contains(number) && !super::network::occupied(*number))
        else {
            bail!("all numbers for nodes are taken; remove some below {}", root().display());
        };
        let instance = Self {
            name: name.to_owned(),
            number,
            image: image.to_owned(),
            machine,
            supervisor: None,
            leader: None,
            package: None,
        };
        files::make_dir(&instance.dir())?;
        instance.save()?;
        Ok(instance)
    }

    /// Stores the state.
    pub(crate) fn save(&self) -> Result<()> {
        let text = serde_json::to_string_pretty(self).context("cannot encode the node's state")?;
        files::write(&self.dir().join("state.json"), &text)
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The directory that holds everything of this instance.
    pub(crate) fn dir(&self) -> PathBuf {
        root().join(&self.name)
    }

    /// Where the console's output goes.
    pub(crate) fn console(&self) -> PathBuf {
        self.dir().join("console.log")
    }

    /// The address at which the node answers.
    pub(crate) fn address(&self) -> String {
        super::network::node_address(self.number)
    }

    /// How many times longer than on the bare machine things may take.
    pub(crate) fn patience(&self) -> u32 {
        match self.machine {
            Machine::Container => 1,
            Machine::Virtual { patience } => patience,
        }
    }

    /// The name that the node gives itself.
    pub(crate) fn hostname(&self) -> String {
        format!("{}.berth.test", self.name)
    }

    /// Whether its PID 1 is running.
    pub(crate) fn is_running(&self) -> bool {
        self.leader.is_some_and(Process::alive) && self.supervisor.is_some_and(Process::alive)
    }
}

/// Serialises commands that start, stop or remove one instance.
pub(crate) fn lock(name: &str) -> Result<std::fs::File> {
    files::lock(&root().join(format!(".{name}.lock")))
}
