//! The tenant's own command.

use std::io::{self, PipeReader, Read};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use berth_core::layout;
use berth_core::timer::{OUTPUT_MAX, RunOutcome, TimerJob};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, Signal};

/// Between asking a command that takes too long to end, and ending it.
const GRACE: Duration = Duration::from_secs(10);

/// How long output is still read after the command's end, if something that it started keeps it open.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What came of the command.
pub(super) struct Ran {
    pub(super) outcome: RunOutcome,
    pub(super) output: Vec<u8>,
    pub(super) truncated: bool,
}

/// Runs the command to its end, or to the end of its time. What it leaves behind ends with the unit.
pub(super) fn run(job: &TimerJob) -> Ran {
    let tail = Arc::new(Mutex::new(Tail::default()));
    let outcome = attempt(job, &tail).unwrap_or_else(|error| {
        lock(&tail).push(format!("berth: the command could not be started: {error}\n").as_bytes());
        RunOutcome::NotStarted
    });
    let mut tail = lock(&tail);
    tail.cut();
    Ran { outcome, output: std::mem::take(&mut tail.bytes), truncated: tail.truncated }
}

fn attempt(job: &TimerJob, tail: &Arc<Mutex<Tail>>) -> io::Result<RunOutcome> {
    let (reader, writer) = io::pipe()?;
    let mut child = prepare(job).stdout(writer.try_clone()?).stderr(writer).spawn()?;
    let (end, ended) = mpsc::channel();
    let kept = Arc::clone(tail);
    std::thread::spawn(move || {
        follow(reader, &kept);
        // Nobody waits any more if the command has been over for a while.
        let _ = end.send(());
    });
    let outcome = wait(&mut child, Duration::from_secs(job.timeout_s.seconds().into()))?;
    let _ = ended.recv_timeout(LAST_WORDS);
    Ok(outcome)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the tenant's own command, as the tenant: the one shell there is"
)]
fn prepare(job: &TimerJob) -> Command {
    let home = layout::home(&job.username);
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(job.command.as_str());
    command.env_clear().envs([
        ("HOME", home.as_str()),
        ("USER", job.username.as_str()),
        ("LOGNAME", job.username.as_str()),
        ("SHELL", "/bin/sh"),
        ("PATH", "/usr/local/bin:/usr/bin:/bin"),
        ("LANG", "C.UTF-8"),
        ("BERTH_TIMER", job.name.as_str()),
    ]);
    // A group of its own, so that all of it can be told to end.
    command.current_dir(home).stdin(Stdio::null()).process_group(0);
    command
}

fn wait(child: &mut Child, timeout: Duration) -> io::Result<RunOutcome> {
    let pid = Pid::from_child(child);
    if ends_within(pid, timeout)? {
        return Ok(outcome(child.wait()?));
    }
    // Whoever is gone already needs no signal.
    let _ = rustix::process::kill_process_group(pid, Signal::TERM);
    if !ends_within(pid, GRACE)? {
        let _ = rustix::process::kill_process_group(pid, Signal::KILL);
    }
    child.wait()?;
    Ok(RunOutcome::TimedOut)
}

fn ends_within(pid: Pid, timeout: Duration) -> io::Result<bool> {
    let descriptor = rustix::process::pidfd_open(pid, PidfdFlags::empty())?;
    let timeout = Timespec::try_from(timeout).map_err(io::Error::other)?;
    let mut polled = [PollFd::new(&descriptor, PollFlags::IN)];
    loop {
        match rustix::event::poll(&mut polled, Some(&timeout)) {
            Ok(ready) => return Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

fn outcome(status: ExitStatus) -> RunOutcome {
    match (status.code(), status.signal()) {
        (Some(code), _) => RunOutcome::Exited(code),
        (None, Some(signal)) => RunOutcome::Signalled(signal),
        (None, None) => RunOutcome::NotStarted,
    }
}

/// The end of the output.
#[derive(Default)]
struct Tail {
    bytes: Vec<u8>,
    truncated: bool,
}

impl Tail {
    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() > 2 * OUTPUT_MAX {
            self.cut();
        }
    }

    fn cut(&mut self) {
        if let Some(excess) = self.bytes.len().checked_sub(OUTPUT_MAX).filter(|excess| *excess > 0) {
            self.bytes.drain(..excess);
            self.truncated = true;
        }
    }
}

fn follow(mut reader: PipeReader, tail: &Mutex<Tail>) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => lock(tail).push(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

fn lock(tail: &Mutex<Tail>) -> std::sync::MutexGuard<'_, Tail> {
    tail.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(command: &str, timeout: u64) -> Ran {
        let job = TimerJob {
            username: "alice".parse().unwrap(),
            name: "x".parse().unwrap(),
            command: command.parse().unwrap(),
            timeout_s: timeout.try_into().unwrap(),
            spool: String::new(),
        };
        let tail = Arc::new(Mutex::new(Tail::default()));
        // The home of the job does not exist where tests run.
        let (reader, writer) = io::pipe().unwrap();
        let mut child = prepare(&job)
            .current_dir("/")
            .stdout(writer.try_clone().unwrap())
            .stderr(writer)
            .spawn()
            .unwrap();
        let kept = Arc::clone(&tail);
        let reading = std::thread::spawn(move || follow(reader, &kept));
        let outcome = wait(&mut child, Duration::from_secs(timeout)).unwrap();
        reading.join().unwrap();
        let mut tail = lock(&tail);
        tail.cut();
        Ran { outcome, output: std::mem::take(&mut tail.bytes), truncated: tail.truncated }
    }

    #[test]
    fn output_and_status_come_back() {
        let good = ran("echo a; echo b >&2; echo \"$HOME $BERTH_TIMER ${XDG_RUNTIME_DIR-none}\"", 10);
        assert_eq!(good.outcome, RunOutcome::Exited(0));
        assert_eq!(String::from_utf8(good.output).unwrap(), "a\nb\n/home/alice x none\n");
        assert_eq!(ran("exit 7", 10).outcome, RunOutcome::Exited(7));
        assert_eq!(ran("kill -9 $$", 10).outcome, RunOutcome::Signalled(9));
    }

    #[test]
    fn of_much_output_the_end_is_kept() {
        let long = ran("head -c 300000 /dev/zero; printf end", 10);
        assert!(long.truncated);
        assert_eq!(long.output.len(), OUTPUT_MAX);
        assert!(long.output.ends_with(b"\0end"));
    }

    #[test]
    fn what_takes_too_long_is_ended_with_what_it_started() {
        let long = ran("sleep 60 & sleep 60; echo never", 1);
        assert_eq!((long.outcome, long.output.len()), (RunOutcome::TimedOut, 0));
    }
}
