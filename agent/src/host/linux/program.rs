//! Running the few programs that we need.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};

use super::{Answer, HostError, Program, Result};

/// A check of a configuration that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is kept of standard error.
const SAID_MAX: usize = 4096;

/// Runs a program to its end: absolute path, fixed arguments, empty environment, no input.
pub(super) fn run(program: Program) -> Result<Answer> {
    start(program, None)
}

/// The same with something to read.
pub(super) fn feed(program: Program, input: &[u8]) -> Result<Answer> {
    start(program, Some(input))
}

fn start(program: Program, input: Option<&[u8]>) -> Result<Answer> {
    let [path, arguments @ ..] = program.argv() else {
        return Err(HostError::because("run", "a program", "it has no path"));
    };
    let failed = |error: std::io::Error| HostError::new("run", program.argv().join(" "), error);
    #[expect(clippy::disallowed_methods, reason = "this is the one place where the agent starts a program")]
    let mut child = Command::new(path)
        .args(arguments)
        .env_clear()
        .current_dir("/")
        .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let fed = match (input, child.stdin.take()) {
        (Some(input), Some(mut stdin)) => stdin.write_all(input),
        _ => Ok(()),
    };
    // A program that does not read to the end has something to say about it.
    let fed = fed.or_else(|error| match error.kind() {
        std::io::ErrorKind::BrokenPipe => Ok(()),
        _ => Err(error),
    });
    match fed.and_then(|()| listen(&mut child)) {
        Ok(said) => {
            let status = child.wait().map_err(failed)?;
            Ok(Answer { success: status.success(), said })
        }
        Err(error) => {
            // It may have ended meanwhile; what counts is that it is gone and collected.
            let _ = child.kill();
            let _ = child.wait();
            Err(failed(error))
        }
    }
}

/// Reads standard error until its end.
fn listen(child: &mut Child) -> std::io::Result<String> {
    let Some(mut stderr) = child.stderr.take() else { return Ok(String::new()) };
    let since = Instant::now();
    let mut said = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let left = PATIENCE.saturating_sub(since.elapsed());
        let timeout = Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        };
        if rustix::event::poll(&mut [PollFd::new(&stderr, PollFlags::IN)], Some(&timeout))? == 0 {
            return Err(std::io::Error::new(
                std::io::ErrorKind::TimedOut,
                "it did not end within 30 seconds",
            ));
        }
        let count = stderr.read(&mut buffer)?;
        if count == 0 {
            return Ok(String::from_utf8_lossy(&said).trim().to_owned());
        }
        let room = SAID_MAX.saturating_sub(said.len());
        said.extend(buffer.iter().take(count.min(room)));
    }
}
