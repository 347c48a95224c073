//! `berth sftp …`

use clap::{Args, Subcommand};
use serde_json::json;

use super::change::ChangeArgs;
use super::user::UserArg;
use crate::client::{Request, Session, WaitArgs, follow_change};
use crate::failure::Failure;

#[derive(Debug, Subcommand)]
pub(crate) enum SftpCommand {
    /// Let the user in with the keys that they have
    On(SwitchArgs),
    /// Let nobody in, and end open sessions
    Off(SwitchArgs),
}

#[derive(Debug, Args)]
pub(crate) struct SwitchArgs {
    #[command(flatten)]
    user: UserArg,

    #[command(flatten)]
    change: ChangeArgs,

    #[command(flatten)]
    wait: WaitArgs,
}

impl SftpCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let (enabled, args) = match self {
            Self::On(args) => (true, args),
            Self::Off(args) => (false, args),
        };
        let user = &args.user.user;
        let request = Request::put(&["users", user, "sftp"], json!({"enabled": enabled}));
        let Some(answer) = args.change.send(session, request).await? else { return Ok(()) };
        session.console.answer(&answer, || {
            format!("file transfer of {user} is switched {}", if enabled { "on" } else { "off" })
        });
        follow_change(session, user, &args.wait).await
    }
}
