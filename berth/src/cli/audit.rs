//! `berth audit …`

use berth_core::view::{AuditVerification, AuditView};
use berth_core::{Code, Problem};
use clap::{Args, Subcommand};
use serde_json::json;

use super::pages::{self, PageArgs};
use crate::client::{Request, Session, decode};
use crate::failure::Failure;
use crate::output::{brief, sheet, table};

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// List what was done and what was refused, newest first
    List(ListArgs),
    /// Check that no entry was changed or taken out
    Verify,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only what concerns this user: username, email address or id
    #[arg(long)]
    user: Option<String>,

    /// Only this action, such as user.create
    #[arg(long)]
    action: Option<String>,

    /// Only what was done, or only what was refused
    #[arg(long, value_parser = ["done", "refused"])]
    outcome: Option<String>,

    /// Only entries about exactly this: a username, domain or name
    #[arg(long)]
    subject: Option<String>,

    /// Only from this moment on, such as 2026-01-31T00:00:00Z
    #[arg(long, value_name = "MOMENT")]
    since: Option<String>,

    /// Only before this moment
    #[arg(long, value_name = "MOMENT")]
    until: Option<String>,

    #[command(flatten)]
    page: PageArgs,
}

impl AuditCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::List(args) => list(session, args).await,
            Self::Verify => verify(session).await,
        }
    }
}

async fn list(session: &Session, args: ListArgs) -> Result<(), Failure> {
    let request = Request::get(&["audit"])
        .query("user", args.user)
        .query("action", args.action)
        .query("outcome", args.outcome)
        .query("subject", args.subject)
        .query("since", args.since)
        .query("until", args.until);
    pages::show::<AuditView>(session, request, &args.page, |entries| {
        table(
            ["NO", "AT", "WHO", "ACTION", "ON", "OUTCOME", "DETAIL"],
            entries.iter().map(|entry| {
                [
                    entry.sequence.to_string(),
                    entry.at.format("%F %T").to_string(),
                    entry.actor.clone(),
                    entry.action.clone(),
                    entry.subject.clone(),
                    entry.outcome.as_str().to_owned(),
                    brief(&entry.detail),
                ]
            }),
        )
    })
    .await
}

async fn verify(session: &Session) -> Result<(), Failure> {
    let answer = session.send(Request::post(&["audit", "verify"], json!({}))).await?;
    let verification: AuditVerification = decode(&answer)?;
    session.console.answer(&answer, || {
        sheet([
            ("entries", Some(verification.entries.to_string())),
            ("head", Some(verification.head.clone())),
            ("intact", Some(crate::output::yes(verification.broken_at.is_none()))),
        ])
    });
    match verification.broken_at {
        None => Ok(()),
        Some(sequence) => {
            let problem =
                Problem::new(Code::AuditBroken, format!("entry {sequence} does not fit the one before it"))
                    .hint("compare with a backup, and find out who can write to the database");
            Err(Failure::from(problem).after_answer())
        }
    }
}
