//! A PostgreSQL of our own for one run of the store suite.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::process::{Program, Running};
use crate::progress::Step;
use crate::{files, paths};

/// A running server; it stops and vanishes with this value.
pub(crate) struct Server {
    running: Option<Running>,
    dir: PathBuf,
    port: u16,
}

impl Server {
    /// Starts a server on a free port of the loopback interface.
    pub(crate) fn start() -> Result<Self> {
        let step = Step::start("starting PostgreSQL");
        let programs = programs()?;
        let dir = std::env::temp_dir().join(format!("berth-postgres-{}", std::process::id()));
        files::remove_dir(&dir)?;
        files::make_dir(&dir)?;
        let owner = owner()?;
        if let Some((uid, gid)) = owner {
            Program::new("chown").arg(format!("{uid}:{gid}")).arg(&dir).output()?;
        }
        let program = |name: &str| {
            let program = Program::new(programs.join(name)).dir(&dir).env("HOME", &dir);
            match owner {
                Some((uid, gid)) => program.user(uid, gid),
                None => program,
            }
        };
        let data = dir.join("data");
        program("initdb")
            .arg("--pgdata")
            .arg(&data)
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8"])
            .args(["--locale=C.UTF-8", "--no-sync", "--no-instructions"])
            .output()?;
        let port = free_port()?;
        let running = program("postgres")
            .arg("-D")
            .arg(&data)
            .args(["-p", &port.to_string()])
            .args(["-c", "listen_addresses=127.0.0.1"])
            .args(["-c", "unix_socket_directories="])
            // Nothing here has to survive a crash of the machine.
            .args(["-c", "fsync=off", "-c", "full_page_writes=off"])
            .args(["-c", "max_connections=200"])
            .start()?;
        let mut server = Self { running: Some(running), dir, port };
        let since = Instant::now();
        loop {
            let asked = Program::new(programs.join("pg_isready"))
                .args(["-h", "127.0.0.1", "-p", &port.to_string()])
                .outcome()?;
            if asked.code == 0 {
                break;
            }
            if since.elapsed() > Duration::from_secs(30) || server.ended() {
                bail!("PostgreSQL does not answer: {}", server.stop());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        step.done();
        Ok(server)
    }

    /// How to connect to it.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    fn ended(&mut self) -> bool {
        self.running.as_mut().is_none_or(Running::ended)
    }

    /// Stops the server and gives what it wrote to its log.
    fn stop(&mut self) -> String {
        let Some(running) = self.running.take() else {
            return String::new();
        };
        // The interrupt makes it stop at once but in order, with all its helpers.
        let asked = Program::new("kill").args(["-s", "INT", &running.id().to_string()]).outcome();
        drop(asked);
        running.within(Duration::from_secs(10)).finish().map(|outcome| outcome.stderr).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
        if let Err(error) = files::remove_dir(&self.dir) {
            eprintln!("{error:#}");
        }
    }
}

/// The directory of the newest server that Debian's packages installed.
fn programs() -> Result<PathBuf> {
    let root = Path::new("/usr/lib/postgresql");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root).with_context(|| format!("cannot list {}", root.display()))?.flatten()
    {
        let version: Option<u32> = entry.file_name().to_str().and_then(|name| name.parse().ok());
        let programs = entry.path().join("bin");
        if let (Some(version), true) = (version, programs.join("initdb").is_file()) {
            found.push((version, programs));
        }
    }
    found
        .into_iter()
        .max()
        .map(|(_, path)| path)
        .context("the package postgresql is installed, but there is no server in it")
}

/// The server refuses to run as root; the package brings a user for it.
fn owner() -> Result<Option<(u32, u32)>> {
    if !paths::is_root() {
        return Ok(None);
    }
    let accounts = files::read(Path::new("/etc/passwd"))?;
    let entry = accounts
        .lines()
        .find(|line| line.starts_with("postgres:"))
        .context("the package postgresql is installed, but there is no user postgres")?;
    let mut numbers = entry.split(':').skip(2).map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(uid)), Some(Ok(gid))) => Ok(Some((uid, gid))),
        _ => bail!("the entry of the user postgres can't be read: {entry}"),
    }
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("cannot find a free port")?;
    Ok(listener.local_addr().context("cannot find a free port")?.port())
}
