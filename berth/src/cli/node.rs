//! `berth node …`

use std::time::Duration;

use berth_core::view::NodeView;
use berth_core::{Code, Problem};
use clap::{Args, Subcommand};
use serde_json::json;
use tokio::time::Instant;

use super::{drift, pages};
use crate::client::{Request, Session, WaitArgs, decode};
use crate::failure::Failure;
use crate::output::{cell, sheet, table, yes};

#[derive(Debug, Subcommand)]
pub(crate) enum NodeCommand {
    /// List servers
    List,
    /// Show a server
    Show(NameArg),
    /// Make a server look at everything, instead of waiting for the next minute
    Audit(AuditArgs),
    /// Show what somebody else had changed on a server, and what has become of it
    Drift(drift::DriftArgs),
}

#[derive(Debug, Args)]
pub(crate) struct NameArg {
    /// Name of the server; not needed while there is only one
    node: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    #[command(flatten)]
    name: NameArg,

    /// Do it now
    #[arg(long, required = true)]
    now: bool,

    #[command(flatten)]
    wait: WaitArgs,
}

impl NodeCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::List => list(session).await,
            Self::Show(args) => {
                let name = resolve(session, args.node).await?;
                let answer = session.send(Request::get(&["nodes", &name])).await?;
                let node: NodeView = decode(&answer)?;
                session.console.answer(&answer, || node_sheet(&node));
                Ok(())
            }
            Self::Audit(args) => audit(session, args).await,
            Self::Drift(args) => args.run(session).await,
        }
    }
}

async fn list(session: &Session) -> Result<(), Failure> {
    pages::whole::<NodeView>(session, Request::get(&["nodes"]), |nodes| {
        table(
            ["NODE", "ONLINE", "SEEN", "VERSION", "ACCOUNTS", "PROVISIONING", "FAILED", "PROBLEMS"],
            nodes.iter().map(|node| {
                [
                    node.name.clone(),
                    yes(node.online),
                    cell(node.seen_at.map(|at| at.format("%F %T UTC"))),
                    cell(node.agent_version.as_ref()),
                    node.accounts.to_string(),
                    node.provisioning.to_string(),
                    node.failed.to_string(),
                    node.problems.len().to_string(),
                ]
            }),
        )
    })
    .await
}

async fn audit(session: &Session, args: AuditArgs) -> Result<(), Failure> {
    let name = resolve(session, args.name.node).await?;
    let answer = session.send(Request::post(&["nodes", &name, "audit"], json!({}))).await?;
    let mut node: NodeView = decode(&answer)?;
    if !args.wait.wait {
        session.console.answer(&answer, || format!("{name} is asked to look at everything"));
        return Ok(());
    }
    let asked = node.audit_requested;
    let deadline = Instant::now() + args.wait.limit();
    while node.audit_done < asked {
        if Instant::now() >= deadline {
            session.console.answer(&node, || node_sheet(&node));
            let detail = format!("{name} has not audited itself after {} s", args.wait.timeout);
            return Err(Failure::not_converged(vec![
                Problem::new(Code::Timeout, detail)
                    .hint("look at `journalctl -u berth-agent` on that server"),
            ]));
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
        node = session.fetch(Request::get(&["nodes", &name])).await?;
    }
    session.console.answer(&node, || node_sheet(&node));
    Ok(())
}

fn node_sheet(node: &NodeView) -> String {
    let shown = sheet([
        ("id", Some(node.id.to_string())),
        ("node", Some(node.name.clone())),
        ("online", Some(yes(node.online))),
        ("seen", Some(cell(node.seen_at.map(|at| at.format("%F %T UTC"))))),
        ("version", node.agent_version.clone()),
        ("accounts", Some(node.accounts.to_string())),
        ("provisioning", Some(node.provisioning.to_string())),
        ("failed", Some(node.failed.to_string())),
        ("audit", Some(format!("{} of {} done", node.audit_done, node.audit_requested))),
    ]);
    let problems: Vec<String> =
        node.problems.iter().map(|problem| crate::output::clean(&problem.to_string())).collect();
    if problems.is_empty() { shown } else { format!("{shown}\n\n{}", problems.join("\n")) }
}

/// The server that was named, or the only one.
pub(super) async fn resolve(session: &Session, name: Option<String>) -> Result<String, Failure> {
    if let Some(name) = name {
        return Ok(name);
    }
    let nodes = pages::all(session, Request::get(&["nodes"])).await?;
    let nodes = nodes.iter().map(decode).collect::<Result<Vec<NodeView>, _>>()?;
    match nodes.as_slice() {
        [node] => Ok(node.name.clone()),
        [] => Err(Problem::new(Code::NodeMissing, "there is no server yet")
            .hint("run `berth setup` on the first one")
            .into()),
        nodes => {
            let names: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
            Err(Failure::usage("there are several servers", format!("name one of {}", names.join(", "))))
        }
    }
}
