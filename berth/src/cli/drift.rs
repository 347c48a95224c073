//! `berth node drift …`

use berth_core::view::DriftView;
use clap::{Args, Subcommand};
use serde_json::json;

use super::change::ChangeArgs;
use super::node::resolve;
use super::pages::{self, PageArgs};
use crate::client::{Request, Session, decode};
use crate::failure::Failure;
use crate::output::{cell, clean, sheet, table};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct DriftArgs {
    #[command(subcommand)]
    decision: Option<Decision>,

    #[command(flatten)]
    list: ListArgs,
}

#[derive(Debug, Subcommand)]
enum Decision {
    /// Take over what was found: the account then has the SSH keys that somebody put there by hand
    Adopt(DecideArgs),
    /// Keep what Berth has, and undo a take-over
    Revert(DecideArgs),
    /// Show one in full: what was found and what it is since
    Show(DriftArg),
}

#[derive(Debug, Args)]
struct DriftArg {
    /// Its id, as the list shows it
    id: String,

    /// Name of the server; not needed while there is only one
    #[arg(long)]
    node: Option<String>,
}

#[derive(Debug, Args)]
struct DecideArgs {
    #[command(flatten)]
    drift: DriftArg,

    #[command(flatten)]
    change: ChangeArgs,
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Name of the server; not needed while there is only one
    #[arg(long)]
    node: Option<String>,

    /// Only of this user's account: username, email address or id
    #[arg(long)]
    user: Option<String>,

    /// Only what has become this
    #[arg(long, value_parser = ["repaired", "adopted", "reverted"])]
    state: Option<String>,

    #[command(flatten)]
    page: PageArgs,
}

impl DriftArgs {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self.decision {
            None => list(session, self.list).await,
            Some(Decision::Adopt(arg)) => decide(session, arg, "adopt").await,
            Some(Decision::Revert(arg)) => decide(session, arg, "revert").await,
            Some(Decision::Show(arg)) => show(session, arg).await,
        }
    }
}

async fn list(session: &Session, args: ListArgs) -> Result<(), Failure> {
    let node = resolve(session, args.node).await?;
    let request =
        Request::get(&["nodes", &node, "drift"]).query("user", args.user).query("state", args.state);
    pages::show::<DriftView>(session, request, &args.page, |drift| {
        table(
            ["SEEN", "ACCOUNT", "WHAT", "FOUND", "LIKELY", "STATE", "ID"],
            drift.iter().map(|drift| {
                [
                    drift.seen_at.format("%F %T UTC").to_string(),
                    cell(drift.username.as_ref()),
                    clean(&drift.object),
                    first_line(drift.found.as_deref()),
                    drift.cause.as_str().replace('_', " "),
                    drift.state.as_str().to_owned(),
                    drift.id.to_string(),
                ]
            }),
        )
    })
    .await
}

/// The beginning of what was found; a missing thing is what a reader looks for first.
fn first_line(found: Option<&str>) -> String {
    match found {
        None => "missing".to_owned(),
        Some(text) => clean(text.lines().next().unwrap_or_default()).chars().take(60).collect(),
    }
}

async fn decide(session: &Session, args: DecideArgs, decision: &str) -> Result<(), Failure> {
    let node = resolve(session, args.drift.node).await?;
    let request = Request::post(&["nodes", &node, "drift", &args.drift.id, decision], json!({}));
    let Some(answer) = args.change.send(session, request).await? else { return Ok(()) };
    let drift: DriftView = decode(&answer)?;
    session.console.answer(&answer, || whole(&drift));
    Ok(())
}

async fn show(session: &Session, arg: DriftArg) -> Result<(), Failure> {
    let node = resolve(session, arg.node).await?;
    let answer = session.send(Request::get(&["nodes", &node, "drift", &arg.id])).await?;
    let drift: DriftView = decode(&answer)?;
    session.console.answer(&answer, || whole(&drift));
    Ok(())
}

fn whole(drift: &DriftView) -> String {
    let head = sheet([
        ("id", Some(drift.id.to_string())),
        ("node", Some(drift.node.clone())),
        ("account", drift.username.as_ref().map(ToString::to_string)),
        ("what", Some(clean(&drift.object))),
        ("seen", Some(drift.seen_at.format("%F %T UTC").to_string())),
        ("last right", drift.right_at.map(|at| at.format("%F %T UTC").to_string())),
        ("likely", Some(format!("{}: {}", drift.cause.as_str().replace('_', " "), clean(&drift.evidence)))),
        ("state", Some(drift.state.as_str().to_owned())),
        ("decided by", drift.decided_by.clone()),
    ]);
    let part = |title: &str, text: Option<&str>| {
        let lines: Vec<String> =
            text.unwrap_or("nothing").lines().map(|line| format!("  {}", clean(line))).collect();
        format!("{title}:\n{}", lines.join("\n"))
    };
    let (found, made) = (drift.found.as_deref(), drift.made.as_deref());
    format!("{head}\n\n{}\n{}", part("found", found), part("since", made))
}
