//! Suspending, deleting, and coming back.

use std::time::Duration;

use berth_core::view::{PurgeState, PurgeView, UserView};
use berth_core::{Code, Problem};
use clap::Args;
use serde_json::json;
use tokio::time::Instant;

use super::UserArg;
use super::show::{life_word, user_sheet};
use crate::cli::change::{ChangeArgs, object};
use crate::client::{Request, Session, WaitArgs, decode, follow_change};
use crate::failure::Failure;
use crate::output::table;

#[derive(Debug, Args)]
pub(crate) struct SuspendArgs {
    /// Usernames, email addresses or ids
    #[arg(required = true)]
    users: Vec<String>,

    /// login (nobody signs in) or full (everything is closed)
    #[arg(long)]
    level: Option<String>,

    /// billing, abuse, operator or owner
    #[arg(long)]
    reason: Option<String>,

    /// When it ends by itself: 2030-01-31 or 2030-01-31T12:00:00Z
    #[arg(long)]
    until: Option<String>,

    /// What the user is told
    #[arg(long)]
    message: Option<String>,

    #[command(flatten)]
    change: ChangeArgs,

    #[command(flatten)]
    wait: WaitArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ActivateArgs {
    /// Usernames, email addresses or ids
    #[arg(required = true)]
    users: Vec<String>,

    /// Only this reason; without it, all that you may lift but what the owner has closed
    #[arg(long)]
    reason: Option<String>,

    #[command(flatten)]
    change: ChangeArgs,

    #[command(flatten)]
    wait: WaitArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    #[command(flatten)]
    user: UserArg,

    /// Yes, delete it
    #[arg(long)]
    yes: bool,

    #[command(flatten)]
    change: ChangeArgs,

    #[command(flatten)]
    wait: WaitArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    #[command(flatten)]
    user: UserArg,

    #[command(flatten)]
    change: ChangeArgs,

    #[command(flatten)]
    wait: WaitArgs,
}

#[derive(Debug, Args)]
pub(crate) struct PurgeArgs {
    #[command(flatten)]
    user: UserArg,

    /// Yes, also if the user is not in the trash
    #[arg(long)]
    yes: bool,

    #[command(flatten)]
    change: ChangeArgs,

    /// How long to wait until nothing is left, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(0..=86_400))]
    timeout: u64,
}

pub(super) async fn suspend(session: &Session, args: SuspendArgs) -> Result<(), Failure> {
    let body = object([
        ("level", args.level.map(Into::into)),
        ("reason", args.reason.map(Into::into)),
        ("until", args.until.map(Into::into)),
        ("message", args.message.map(Into::into)),
    ]);
    for user in &args.users {
        let request = Request::post(&["users", user, "suspend"], body.clone());
        changed(session, user, request, &args.change, &args.wait).await?;
    }
    Ok(())
}

pub(super) async fn activate(session: &Session, args: ActivateArgs) -> Result<(), Failure> {
    let body = object([("reason", args.reason.map(Into::into))]);
    for user in &args.users {
        let request = Request::post(&["users", user, "activate"], body.clone());
        changed(session, user, request, &args.change, &args.wait).await?;
    }
    Ok(())
}

pub(super) async fn delete(session: &Session, args: DeleteArgs) -> Result<(), Failure> {
    sure(args.yes || args.change.plan, "delete")?;
    let user = &args.user.user;
    changed(session, user, Request::delete(&["users", user]), &args.change, &args.wait).await
}

pub(super) async fn restore(session: &Session, args: RestoreArgs) -> Result<(), Failure> {
    let user = &args.user.user;
    let request = Request::post(&["users", user, "restore"], json!({}));
    changed(session, user, request, &args.change, &args.wait).await
}

pub(super) async fn purge(session: &Session, args: PurgeArgs) -> Result<(), Failure> {
    let user = &args.user.user;
    let request = Request::post(&["users", user, "purge"], json!({"live": args.yes}));
    let Some(answer) = args.change.send(session, request).await? else { return Ok(()) };
    let begun: PurgeView = decode(&answer)?;
    let deadline = Instant::now() + Duration::from_secs(args.timeout);
    let mut view = begun;
    while view.state == PurgeState::Purging && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(100)).await;
        view = session.fetch(Request::get(&["purges", &view.user.to_string()])).await?;
    }
    session.console.answer(&view, || purge_sheet(&view));
    match view.state {
        PurgeState::Gone => Ok(()),
        PurgeState::Purging => Err(Failure::not_converged(vec![
            Problem::new(Code::UserPurging, format!("not everything of {} is gone yet", view.name))
                .hint("it is tried again by itself; `berth user purge` shows what is left"),
        ])),
    }
}

/// Sends a change of a user's life, shows what came of it, and waits for the node.
async fn changed(
    session: &Session,
    user: &str,
    request: Request,
    change: &ChangeArgs,
    wait: &WaitArgs,
) -> Result<(), Failure> {
    let Some(answer) = change.send(session, request).await? else { return Ok(()) };
    let view: UserView = decode(&answer)?;
    session.console.answer(&answer, || format!("{user}: {}\n\n{}", life_word(&view), user_sheet(&view)));
    if view.account.is_some() { follow_change(session, user, wait).await } else { Ok(()) }
}

/// Somebody who means it says so.
fn sure(yes: bool, what: &str) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    Err(Failure::usage(
        format!("nothing is done without --yes: this would {what} the user"),
        "add --yes, or --plan to see what would happen",
    ))
}

fn purge_sheet(view: &PurgeView) -> String {
    match view.state {
        PurgeState::Purging => format!("{} is being purged; left: {}", view.name, view.remains.join(", ")),
        PurgeState::Gone if view.accounts.is_empty() => format!("{} is gone", view.name),
        PurgeState::Gone => {
            let rows = view.accounts.iter().flat_map(|account| {
                account
                    .looked
                    .iter()
                    .map(|looked| [looked.what.clone(), looked.place.clone(), "gone".to_owned()])
            });
            format!(
                "{} is gone; what was looked for:\n\n{}",
                view.name,
                table(["WHAT", "WHERE", "FOUND"], rows)
            )
        }
    }
}
