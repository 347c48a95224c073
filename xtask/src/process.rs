//! The one place that starts other programs.
//!
//! Everything else builds a [`Program`] and says what it wants from it, so that
//! errors always name the program, its arguments and what it said.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

/// A program with its arguments, ready to be run in one of several ways.
pub(crate) struct Program {
    command: Command,
    shown: String,
    input: Option<Vec<u8>>,
    open_input: bool,
    limit: Duration,
}

/// How a program ended and what it printed.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The exit code, or 128 plus the number of the signal that ended it.
    pub(crate) code: i32,
    /// Everything it wrote to standard output.
    pub(crate) stdout: String,
    /// Everything it wrote to standard error.
    pub(crate) stderr: String,
    shown: String,
}

/// A program that goes on while the caller does something else.
pub(crate) struct Running {
    child: Child,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<String>>,
    shown: String,
    deadline: Instant,
}

/// Directories that hold system programs but are not always in a user's `PATH`.
const SYSTEM_PATHS: [&str; 4] = ["/usr/local/sbin", "/usr/sbin", "/usr/bin", "/sbin"];

impl Program {
    /// A program found by name through `PATH`, or by its full path.
    #[expect(
        clippy::disallowed_methods,
        reason = "this module is where the developer commands start programs"
    )]
    pub(crate) fn new(name: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(name.as_ref());
        command.env("PATH", search_path());
        // Cargo describes this package to the program it runs; a nested cargo must not
        // take that description for its own.
        for (key, _) in std::env::vars_os() {
            let text = key.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                command.env_remove(&key);
            }
        }
        Self {
            command,
            shown: name.as_ref().to_string_lossy().into_owned(),
            input: None,
            open_input: false,
            limit: Duration::from_hours(2),
        }
    }

    /// Adds one argument.
    pub(crate) fn arg(mut self, value: impl AsRef<OsStr>) -> Self {
        let text = value.as_ref().to_string_lossy();
        self.shown.push(' ');
        if text.len() > 200 {
            self.shown.push('…');
        } else {
            self.shown.push_str(&text);
        }
        self.command.arg(value);
        self
    }

    /// Adds several arguments.
    pub(crate) fn args<I, S>(self, values: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        values.into_iter().fold(self, Self::arg)
    }

    /// Sets one environment variable.
    pub(crate) fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    /// Starts from an empty environment instead of ours.
    pub(crate) fn clear_env(mut self) -> Self {
        self.command.env_clear();
        self
    }

    /// Runs in `dir`.
    pub(crate) fn dir(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// Runs as another user.
    pub(crate) fn user(mut self, uid: u32, gid: u32) -> Self {
        self.command.uid(uid).gid(gid);
        self
    }

    /// Feeds `bytes` to standard input; without this it is empty.
    pub(crate) fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = Some(bytes.into());
        self
    }

    /// Keeps standard input open and silent until the program has ended.
    pub(crate) fn open_input(mut self) -> Self {
        self.open_input = true;
        self
    }

    /// Ends the program when it takes longer.
    pub(crate) fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Runs to the end and collects what was printed, whatever the exit code.
    pub(crate) fn outcome(self) -> Result<Outcome> {
        self.start()?.finish()
    }

    /// Runs to the end; a non-zero exit code is an error that quotes what was printed.
    pub(crate) fn output(self) -> Result<String> {
        self.outcome()?.success()
    }

    /// Starts the program and returns at once.
    pub(crate) fn start(mut self) -> Result<Running> {
        let stdin = if self.input.is_some() || self.open_input { Stdio::piped() } else { Stdio::null() };
        self.command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().with_context(|| format!("cannot start `{}`", self.shown))?;
        // The other end of an open input is closed when the child is dropped.
        let input = if self.open_input { None } else { child.stdin.take() };
        if let (Some(bytes), Some(mut pipe)) = (self.input.take(), input) {
            // A program may close its input early on purpose, so a failed write is no error here:
            // what it made of the input shows in its exit code.
            std::thread::spawn(move || drop(pipe.write_all(&bytes)));
        }
        let stdout = Some(collect(child.stdout.take()));
        let stderr = Some(collect(child.stderr.take()));
        Ok(Running { child, stdout, stderr, shown: self.shown, deadline: Instant::now() + self.limit })
    }

    /// Runs with our own output streams, both directed to standard error, because standard output
    /// belongs to the answer of the command that the developer typed.
    pub(crate) fn shown(mut self) -> Result<()> {
        let stderr = std::io::stderr();
        let duplicate = std::os::fd::AsFd::as_fd(&stderr)
            .try_clone_to_owned()
            .context("cannot duplicate standard error")?;
        let status = self
            .command
            .stdin(Stdio::null())
            .stdout(duplicate)
            .status()
            .with_context(|| format!("cannot start `{}`", self.shown))?;
        if !status.success() {
            bail!("`{}` ended with {}", self.shown, code(status));
        }
        Ok(())
    }

    /// Runs and hands every line of both streams to `line` as it appears, then gives the exit code.
    pub(crate) fn lines(mut self, mut line: impl FnMut(&str)) -> Result<i32> {
        let (reader, writer) = std::io::pipe().context("cannot make a pipe")?;
        let second = writer.try_clone().context("cannot duplicate a pipe")?;
        let mut child = self
            .command
            .stdin(Stdio::null())
            .stdout(writer)
            .stderr(second)
            .spawn()
            .with_context(|| format!("cannot start `{}`", self.shown))?;
        // The command keeps its own copies of the pipe's writing end; while they are open the
        // reader would never see the end.
        drop(self.command);
        for text in std::io::BufRead::split(std::io::BufReader::new(reader), b'\n') {
            let text = text.with_context(|| format!("cannot read from `{}`", self.shown))?;
            line(&String::from_utf8_lossy(&text));
        }
        let status = child.wait().with_context(|| format!("cannot wait for `{}`", self.shown))?;
        Ok(code(status))
    }

    /// Starts a program that outlives this one, its output going to `log`, and gives its process id.
    pub(crate) fn detach(self, log: &Path) -> Result<Child> {
        let file = File::create(log).with_context(|| format!("cannot create {}", log.display()))?;
        let second = file.try_clone().with_context(|| format!("cannot duplicate {}", log.display()))?;
        let mut command = self.command;
        command
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(second)
            .spawn()
            .with_context(|| format!("cannot start `{}`", self.shown))
    }

    /// Replaces this process by the program; returns only if that fails.
    pub(crate) fn replace(mut self) -> anyhow::Error {
        anyhow!(self.command.exec()).context(format!("cannot start `{}`", self.shown))
    }
}

impl Running {
    /// Waits for the end, or for the time limit.
    pub(crate) fn finish(mut self) -> Result<Outcome> {
        let mut pause = Duration::from_millis(1);
        let status = loop {
            if let Some(status) =
                self.child.try_wait().with_context(|| format!("cannot wait for `{}`", self.shown))?
            {
                break status;
            }
            if Instant::now() > self.deadline {
                self.kill();
                bail!("`{}` took too long and was ended", self.shown);
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        };
        Ok(Outcome {
            code: code(status),
            stdout: joined(self.stdout.take()),
            stderr: joined(self.stderr.take()),
            shown: std::mem::take(&mut self.shown),
        })
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it when it takes longer than this from now on.
    pub(crate) fn within(mut self, limit: Duration) -> Self {
        self.deadline = Instant::now() + limit;
        self
    }

    /// Whether it has ended by itself.
    pub(crate) fn ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)) | Err(_))
    }

    /// Ends it at once.
    pub(crate) fn kill(&mut self) {
        // It may have ended by itself a moment ago, which is what the caller wants anyway.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whoever loses interest in a program leaves none behind.
impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Outcome {
    /// Standard output if the exit code was zero, otherwise an error that quotes what was printed.
    pub(crate) fn success(self) -> Result<String> {
        if self.code == 0 {
            return Ok(self.stdout);
        }
        Err(self.error())
    }

    /// An error that says how the program ended and what it printed.
    pub(crate) fn error(&self) -> anyhow::Error {
        let mut said = tail(&self.stderr);
        if said.is_empty() {
            said = tail(&self.stdout);
        }
        anyhow!("`{}` ended with {}: {said}", self.shown, self.code)
    }
}

/// Whether a program of this name can be found.
pub(crate) fn installed(name: &str) -> bool {
    std::env::split_paths(&search_path()).any(|dir| dir.join(name).is_file())
}

fn search_path() -> OsString {
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    for dir in SYSTEM_PATHS {
        if !path.is_empty() {
            path.push(":");
        }
        path.push(dir);
    }
    path
}

fn collect(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What was read before a failure is still worth showing.
            let _ = pipe.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn joined(reader: Option<JoinHandle<String>>) -> String {
    reader.and_then(|reader| reader.join().ok()).unwrap_or_default()
}

fn code(status: ExitStatus) -> i32 {
    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(-1)
}

fn tail(text: &str) -> String {
    let text = text.trim();
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(20);
    lines.get(from..).unwrap_or_default().join("\n")
}
