//! The panel without a node: plain processes, and an agent that writes into a directory.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::node::{Credentials, Process};
use crate::process::Program;
use crate::progress::{Step, already};
use crate::up::{self, Suggestion, words};
use crate::{deb, files, setup};

/// The processes that run for a directory.
#[derive(Default, Serialize, Deserialize)]
struct Processes {
    serve: Option<Process>,
    agent: Option<Process>,
}

/// Brings the panel up with everything below `dir`.
pub(crate) fn up(dir: &Path, fresh: bool) -> Result<()> {
    let berth = deb::binary()?;
    if fresh {
        down(dir)?;
        for part in ["tree", "data", "run", "etc", "berth.toml", STATE, CREDENTIALS] {
            remove(&dir.join(part))?;
        }
    }
    files::make_dir(dir)?;
    let dir = dir.canonicalize().with_context(|| format!("cannot resolve {}", dir.display()))?;
    let config = dir.join("berth.toml");
    let step = Step::start("setting up");
    let said = Program::new(&berth)
        .args(["setup", "--json", "--admin-email", "admin@example.com"])
        .args(["--hostname", "localhost", "--render"])
        .arg(&dir)
        .output()?;
    let stored = dir.join(CREDENTIALS);
    let mut credentials = setup::merge(&said, String::new(), load(&stored)?)?;
    store(&stored, &credentials)?;
    step.done();

    start(&dir, &berth, &config)?;
    let command = |arguments: &[&str]| Program::new(&berth).arg("--config").arg(&config).args(arguments);
    wait_until_ready(&credentials)?;
    let created = setup::first_user(&mut credentials, command);
    store(&stored, &credentials)?;
    created?;
    up::finish(&credentials, &suggestions(&berth, &config, &dir, &credentials))?;
    println!();
    println!("Stop it with: cargo xtask down --render {}", dir.display());
    Ok(())
}

/// Stops the processes that were started for `dir`.
pub(crate) fn down(dir: &Path) -> Result<()> {
    let Some(processes) = load::<Processes>(&dir.join(STATE))? else {
        return Ok(());
    };
    for process in [processes.agent, processes.serve].into_iter().flatten() {
        if !process.alive() {
            continue;
        }
        Program::new("kill").arg(process.id.to_string()).output()?;
        let since = Instant::now();
        while process.alive() {
            if since.elapsed() > Duration::from_secs(20) {
                Program::new("kill").args(["-s", "KILL", &process.id.to_string()]).output()?;
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    store(&dir.join(STATE), &Processes::default())
}

/// The file that remembers what runs.
const STATE: &str = "xtask-state.json";

/// The file that holds the secrets.
const CREDENTIALS: &str = "credentials.json";

fn start(dir: &Path, berth: &Path, config: &Path) -> Result<()> {
    let state = dir.join(STATE);
    let mut processes: Processes = load(&state)?.unwrap_or_default();
    if processes.serve.is_some_and(Process::alive) && processes.agent.is_some_and(Process::alive) {
        already("serve and agent are running");
        return Ok(());
    }
    down(dir)?;
    let step = Step::start("starting serve and agent");
    // A build in progress must not pull the program from under the running processes.
    let program = dir.join("berth");
    std::fs::copy(berth, &program).with_context(|| format!("cannot copy {}", berth.display()))?;
    processes.serve = launch(&program, config, &["serve"], &dir.join("serve.log"))?;
    let tree = dir.join("tree");
    files::make_dir(&tree)?;
    let tree = tree.to_string_lossy().into_owned();
    processes.agent = launch(&program, config, &["agent", "--render", &tree], &dir.join("agent.log"))?;
    store(&state, &processes)?;
    step.done();
    Ok(())
}

fn launch(program: &Path, config: &Path, arguments: &[&str], log: &Path) -> Result<Option<Process>> {
    let child =
        Program::new("setsid").arg(program).arg("--config").arg(config).args(arguments).detach(log)?;
    Ok(Process::find(child.id()))
}

fn wait_until_ready(credentials: &Credentials) -> Result<()> {
    let url = format!("{}api/v1/health", credentials.panel_url);
    let since = Instant::now();
    loop {
        let asked =
            Program::new("curl").args(["-sSk", "--max-time", "2", "-o", "/dev/null", &url]).outcome()?;
        if asked.code == 0 {
            return Ok(());
        }
        if since.elapsed() > Duration::from_secs(30) {
            bail!("the panel does not answer at {url}: {}", asked.stderr.trim());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn suggestions(berth: &Path, config: &Path, dir: &Path, credentials: &Credentials) -> Vec<Suggestion> {
    let show = |path: &Path| path.to_string_lossy().into_owned();
    vec![
        Suggestion {
            what: "the first user as the API sees it",
            argv: words(&[
                "curl",
                "-sSk",
                "-H",
                &format!("Authorization: Bearer {}", credentials.api_key),
                &format!("{}api/v1/users", credentials.panel_url),
            ]),
        },
        Suggestion {
            what: "every resource of the user, desired and observed",
            argv: words(&[&show(berth), "--config", &show(config), "user", "show", setup::FIRST_USER]),
        },
        Suggestion {
            what: "what the agent would have written on a host",
            argv: words(&["find", &show(&dir.join("tree")), "-type", "f"]),
        },
    ]
}

fn load<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    if !path.exists() {
        return Ok(None);
    }
    let text = files::read(path)?;
    let value =
        serde_json::from_str(&text).with_context(|| format!("{} is not what we wrote", path.display()))?;
    Ok(Some(value))
}

fn store<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    let text =
        serde_json::to_string_pretty(value).with_context(|| format!("cannot encode {}", path.display()))?;
    files::write_secret(path, &text)
}

fn remove(path: &Path) -> Result<()> {
    if path.is_dir() {
        return files::remove_dir(path);
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}
