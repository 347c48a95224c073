//! Commands inside a virtual machine: an SSH server of its own, which the product does not know of.

use std::path::PathBuf;

use anyhow::Result;

use crate::node::Instance;
use crate::process::Program;
use crate::up::{shell_words, words};

/// Where that server listens.
pub(super) const PORT: u16 = 2222;

/// The private key that opens this one machine.
pub(super) fn key(instance: &Instance) -> PathBuf {
    instance.dir().join("id_ed25519")
}

/// The socket of the connection that all commands share while it stands.
fn shared(instance: &Instance) -> PathBuf {
    instance.dir().join("ssh")
}

/// A program to be run inside the machine as root.
pub(crate) fn program<I, S>(instance: &Instance, argv: I) -> Program
where
    I: IntoIterator<Item = S>,
    S: AsRef<std::ffi::OsStr>,
{
    let mut typed: Vec<String> = Vec::new();
    for word in argv {
        typed.push(word.as_ref().to_string_lossy().into_owned());
    }
    Command { instance, options: &[], typed }.into_program()
}

/// A login shell.
pub(crate) fn shell(instance: &Instance) -> Program {
    Command { instance, options: &["-t"], typed: words(&["bash", "--login"]) }.into_program()
}

/// Opens the connection that commands share, in the background. It ends with the machine.
pub(super) fn open(instance: &Instance) -> Result<()> {
    let _ = std::fs::remove_file(shared(instance));
    Command { instance, options: &["-M", "-N"], typed: Vec::new() }
        .into_program()
        .detach(&instance.dir().join("ssh.log"))?;
    Ok(())
}

/// Closes the shared connection if it stands.
pub(super) fn close(instance: &Instance) {
    if shared(instance).exists() {
        // A connection that is gone already is what is wanted.
        let _ = Command { instance, options: &["-O", "exit"], typed: Vec::new() }.into_program().outcome();
    }
}

struct Command<'a> {
    instance: &'a Instance,
    options: &'a [&'a str],
    typed: Vec<String>,
}

impl Command<'_> {
    fn into_program(self) -> Program {
        let mut program = Program::new("ssh")
            .args([
                "-F",
                "none",
                "-o",
                "LogLevel=ERROR",
                "-o",
                "BatchMode=yes",
                "-o",
                "StrictHostKeyChecking=no",
            ])
            .args(["-o", "UserKnownHostsFile=/dev/null", "-o", "IdentitiesOnly=yes"])
            .args(["-o", "IdentityAgent=none", "-o", "ConnectTimeout=60"])
            .args(["-o", "ServerAliveInterval=10", "-o", "ServerAliveCountMax=12"])
            .arg("-i")
            .arg(key(self.instance))
            .arg("-S")
            .arg(shared(self.instance))
            .args(self.options)
            .args(["-p", &PORT.to_string()])
            .arg(format!("root@{}", self.instance.address()));
        if !self.typed.is_empty() {
            // The other side has a shell take this apart again.
            program = program.arg(shell_words(&self.typed));
        }
        program
    }
}
