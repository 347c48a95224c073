//! Starting the services and waiting until they answer.

use std::path::Path;
use std::time::Duration;

use berth_core::view::NodeView;
use berth_core::{Code, Problem};
use berth_server::config::Config;
use serde_json::Value;
use tokio::time::Instant;

use crate::client::{ConnectionArgs, Request, Session, decode};
use crate::failure::Failure;
use crate::output::{Console, clean};
use crate::process::{self, SYSTEMCTL};

const SERVER: &str = "berth.service";
const AGENT: &str = "berth-agent.service";
const LOGS: &str = "berth-logs.service";

/// How long the services may take.
const LIMIT: Duration = Duration::from_mins(1);

/// Enables and starts the services, and waits until the server answers and the agent has asked it. A server
/// that runs already is started anew if its files changed.
pub(crate) fn start(config: &Config, changed: bool, console: Console) -> Result<(), Failure> {
    if !Path::new("/run/systemd/system").exists() {
        Console::note("systemd does not run here: start `berth serve` and `berth agent` yourself");
        return Ok(());
    }
    let running = is_active(SERVER);
    systemctl(&["enable", "--quiet", SERVER, AGENT, LOGS])?;
    if running && changed {
        systemctl(&["restart", SERVER])?;
    }
    systemctl(&["start", SERVER, AGENT, LOGS])?;
    let session = ConnectionArgs::default().open(&config.listen.operator, console)?;
    crate::cli::block_on(wait(&session))
}

/// Whether the agent of this host runs.
pub(crate) fn agent_is_running() -> bool {
    is_active(AGENT)
}

fn is_active(unit: &str) -> bool {
    process::run(SYSTEMCTL, &["is-active", "--quiet", unit]).is_ok_and(|output| output.status.success())
}

/// Whether a server answers on its operator socket.
pub(crate) fn is_answering(config: &Config) -> bool {
    std::os::unix::net::UnixStream::connect(&config.listen.operator).is_ok()
}

fn systemctl(arguments: &[&str]) -> Result<(), Failure> {
    let doing = format!("systemctl {}", arguments.join(" "));
    let output = process::run(SYSTEMCTL, arguments).map_err(|error| Failure::local(&doing, error))?;
    if output.status.success() {
        return Ok(());
    }
    let said = clean(String::from_utf8_lossy(&output.stderr).trim());
    Err(Problem::new(Code::Unavailable, format!("{doing}: {said}"))
        .hint("look at `journalctl -u berth -u berth-agent`")
        .into())
}

async fn wait(session: &Session) -> Result<(), Failure> {
    let deadline = Instant::now() + LIMIT;
    loop {
        let state = online(session).await;
        match state {
            Ok(true) => return Ok(()),
            Ok(false) if Instant::now() >= deadline => {
                return Err(Problem::new(Code::Unavailable, "the agent has not reached the server")
                    .hint("look at `journalctl -u berth-agent`")
                    .into());
            }
            Err(failure) if Instant::now() >= deadline => return Err(failure),
            _ => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

/// Whether the server is ready and a node's agent talks to it.
async fn online(session: &Session) -> Result<bool, Failure> {
    session.send(Request::get(&["nodes"])).await.and_then(|answer| {
        let items = answer.get("items").and_then(Value::as_array).or_else(|| answer.as_array());
        let nodes = items.into_iter().flatten().map(decode::<NodeView>).collect::<Result<Vec<_>, _>>()?;
        Ok(nodes.iter().any(|node| node.online))
    })
}
