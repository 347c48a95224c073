//! Running commands inside a node from outside.

use std::io::{IsTerminal, Write};
use std::path::Path;

use anyhow::{Context, Result};

use super::state::{Instance, Machine};
use crate::process::Program;
use crate::vm;

/// The search path of root on Debian.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The slice inside the node that commands from outside run in.
const SLICE: &str = "xtask.slice";

/// Replaces this process by a command inside the node.
pub(crate) fn enter(instance: &Instance, argv: &[String]) -> Result<anyhow::Error> {
    if let Machine::Virtual { .. } = instance.machine {
        return Ok(vm::channel::program(instance, argv).replace());
    }
    let leader = instance.leader.context("the node has no first process")?;
    // A process outside of the node's control groups would be a stranger to the node's own
    // systemd and logind, which refuse to answer such.
    let group = Path::new("/proc").join(leader.id.to_string()).join("root/sys/fs/cgroup").join(SLICE);
    if !group.is_dir() {
        // Several commands may enter at once.
        if let Err(error) = std::fs::create_dir(&group)
            && error.kind() != std::io::ErrorKind::AlreadyExists
        {
            return Err(error).context("cannot make a control group inside the node");
        }
    }
    join(&group)?;
    let mut program = Program::new("/usr/bin/nsenter")
        .args(["--target", &leader.id.to_string()])
        .args(["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"])
        .args(["--root", "--wd", "--"])
        .args(argv)
        .clear_env()
        .env("PATH", PATH)
        .env("HOME", "/root")
        .env("USER", "root")
        .env("LOGNAME", "root")
        .env("LANG", "C.UTF-8");
    if let Some(terminal) = std::env::var_os("TERM") {
        program = program.env("TERM", terminal);
    }
    Ok(program.replace())
}

/// Replaces this process by a login shell inside the node.
pub(crate) fn shell(instance: &Instance) -> Result<anyhow::Error> {
    if let Machine::Virtual { .. } = instance.machine {
        return Ok(vm::channel::shell(instance).replace());
    }
    let argv: &[&str] = if std::io::stdin().is_terminal() {
        // The node needs a terminal of its own; ours is not visible in there.
        &["systemd-run", "--quiet", "--collect", "--pty", "--", "/bin/bash", "--login"]
    } else {
        &["/bin/bash", "--login"]
    };
    let argv: Vec<String> = argv.iter().map(|&part| part.to_owned()).collect();
    enter(instance, &argv)
}

/// Moves this process into a control group.
pub(crate) fn join(group: &Path) -> Result<()> {
    let path = group.join("cgroup.procs");
    std::fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .and_then(|mut file| file.write_all(b"0"))
        .with_context(|| format!("cannot move into {}", path.display()))
}
