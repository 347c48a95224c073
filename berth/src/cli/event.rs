//! `berth event …`

use berth_core::view::EventView;
use clap::{Args, Subcommand};

use super::pages::{self, PageArgs};
use crate::client::{Request, Session};
use crate::failure::Failure;
use crate::output::{brief, table};

#[derive(Debug, Subcommand)]
pub(crate) enum EventCommand {
    /// List events, newest first: what was done, and what nodes have reported
    List(ListArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only what concerns this user: username, email address or id
    #[arg(long)]
    user: Option<String>,

    /// Only this kind, such as user.create or condition.changed, or family, such as user.*
    #[arg(long)]
    kind: Option<String>,

    /// Only events about exactly this: a username, domain or name
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

impl EventCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let Self::List(args) = self;
        let request = Request::get(&["events"])
            .query("user", args.user)
            .query("kind", args.kind)
            .query("subject", args.subject)
            .query("since", args.since)
            .query("until", args.until);
        pages::show::<EventView>(session, request, &args.page, |events| {
            table(
                ["AT", "KIND", "ON", "WHO", "DETAIL"],
                events.iter().map(|event| {
                    [
                        event.at.format("%F %T").to_string(),
                        event.kind.clone(),
                        event.subject.clone(),
                        event.actor.clone(),
                        brief(&event.detail),
                    ]
                }),
            )
        })
        .await
    }
}
