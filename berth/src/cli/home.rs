//! `berth home …`

use std::time::Duration;

use berth_core::view::QuarantineView;
use berth_core::{Code, Problem};
use clap::{Args, Subcommand};
use serde_json::json;
use tokio::time::Instant;

use super::change::ChangeArgs;
use super::node::resolve;
use crate::client::{Request, Session, decode};
use crate::failure::Failure;
use crate::output::sheet;

#[derive(Debug, Subcommand)]
pub(crate) enum HomeCommand {
    /// Move a home directory that belongs to no account aside, sealed, so that its name is free
    Quarantine(QuarantineArgs),
}

#[derive(Debug, Args)]
pub(crate) struct QuarantineArgs {
    /// Name of the directory below /home
    username: String,

    /// Server that the directory is on; not needed while there is only one
    #[arg(long)]
    node: Option<String>,

    /// How long to wait for the server, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    timeout: u64,

    #[command(flatten)]
    change: ChangeArgs,
}

impl HomeCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let Self::Quarantine(args) = self;
        let node = resolve(session, args.node).await?;
        let request = Request::post(&["nodes", &node, "quarantines"], json!({"username": args.username}));
        let Some(answer) = args.change.send(session, request).await? else { return Ok(()) };
        let mut order: QuarantineView = decode(&answer)?;
        let deadline = Instant::now() + Duration::from_secs(args.timeout);
        while order.moved_to.is_none() && order.problem.is_none() {
            if Instant::now() >= deadline {
                session.console.answer(&order, || shown(&order));
                let detail = format!("{node} has not moved the directory after {} s", args.timeout);
                return Err(Failure::not_converged(vec![
                    Problem::new(Code::Timeout, detail)
                        .hint("the order is stored; the server does it as soon as its agent runs"),
                ]));
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
            let id = order.id.to_string();
            order = session.fetch(Request::get(&["nodes", &node, "quarantines", &id])).await?;
        }
        session.console.answer(&order, || shown(&order));
        match order.problem {
            None => Ok(()),
            Some(problem) => Err(Failure::from(problem).after_answer()),
        }
    }
}

fn shown(order: &QuarantineView) -> String {
    sheet([
        ("id", Some(order.id.to_string())),
        ("home", Some(order.username.to_string())),
        ("node", Some(order.node.clone())),
        ("moved to", order.moved_to.clone()),
    ])
}
