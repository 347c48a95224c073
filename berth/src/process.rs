//! Programs that the command line starts: by absolute path, with an argument list and a cleared environment.

use std::ffi::OsStr;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::files::Owner;

/// The manager of services.
pub(crate) const SYSTEMCTL: &str = "/usr/bin/systemctl";
/// The firewall's tool.
pub(crate) const NFT: &str = "/usr/sbin/nft";
/// The tool that knows whether the clock is right.
pub(crate) const TIMEDATECTL: &str = "/usr/bin/timedatectl";

/// Runs a program to its end and gives what it wrote.
pub(crate) fn run<S: AsRef<OsStr>>(program: &str, arguments: &[S]) -> io::Result<Output> {
    prepare(Path::new(program), arguments).output()
}

/// Runs this very program as another user, with open files for its standard input and output. What it says on
/// standard error goes to ours.
pub(crate) fn run_self_as<S: AsRef<OsStr>>(
    owner: Owner,
    arguments: &[S],
    input: Stdio,
    output: Stdio,
) -> io::Result<Output> {
    // After a fork this names the program that is running, even if its file has been replaced meanwhile.
    let mut command = prepare(Path::new("/proc/self/exe"), arguments);
    // The standard library drops the supplementary groups of root when it changes the user.
    command.uid(owner.uid).gid(owner.gid).current_dir("/");
    command.stdin(input).stdout(output).stderr(Stdio::inherit()).spawn()?.wait_with_output()
}

#[expect(clippy::disallowed_methods, reason = "the one place where the command line starts programs")]
fn prepare<S: AsRef<OsStr>>(program: &Path, arguments: &[S]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C.UTF-8");
    command.stdin(Stdio::null());
    command
}
