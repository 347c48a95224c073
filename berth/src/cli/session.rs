//! `berth session …`

use berth_core::view::{SessionView, SessionsEnded};
use clap::{Args, Subcommand};

use super::change::ChangeArgs;
use super::pages;
use super::user::UserArg;
use crate::client::{Request, Session, decode};
use crate::failure::Failure;
use crate::output::table;

#[derive(Debug, Subcommand)]
pub(crate) enum SessionCommand {
    /// List the open sessions of a user
    List(UserArg),
    /// End one session of a user, or all of them
    Revoke(RevokeArgs),
}

#[derive(Debug, Args)]
pub(crate) struct RevokeArgs {
    #[command(flatten)]
    user: UserArg,

    /// Id of the session; every session if absent
    id: Option<String>,

    #[command(flatten)]
    change: ChangeArgs,
}

impl SessionCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::List(args) => {
                let request = Request::get(&["users", &args.user, "sessions"]);
                pages::whole::<SessionView>(session, request, |all| {
                    table(
                        ["ID", "STATE", "ADDRESS", "USED", "EXPIRES", "WITH"],
                        all.iter().map(|one| {
                            [
                                one.id.to_string(),
                                one.state.as_str().to_owned(),
                                one.address.clone(),
                                one.used_at.format("%F %R").to_string(),
                                one.expires_at.format("%F %R").to_string(),
                                one.agent.clone(),
                            ]
                        }),
                    )
                })
                .await
            }
            Self::Revoke(args) => {
                let mut path = vec!["users", args.user.user.as_str(), "sessions"];
                path.extend(args.id.as_deref());
                if let Some(answer) = args.change.send(session, Request::delete(&path)).await? {
                    let done: SessionsEnded = decode(&answer)?;
                    session.console.answer(&answer, || format!("{} sessions were ended", done.ended));
                }
                Ok(())
            }
        }
    }
}
