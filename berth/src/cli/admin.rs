//! `berth admin …`

use berth_core::view::PasswordSet;
use clap::{Args, Subcommand};
use serde_json::json;

use super::change::ChangeArgs;
use crate::client::{Request, Session, decode};
use crate::failure::Failure;

#[derive(Debug, Subcommand)]
pub(crate) enum AdminCommand {
    /// Let an administrator in again whom nothing else lets in: a new password, no second factor
    Recover(RecoverArgs),
}

#[derive(Debug, Args)]
pub(crate) struct RecoverArgs {
    /// Username, email address or id
    #[arg(default_value = "admin")]
    user: String,

    #[command(flatten)]
    change: ChangeArgs,
}

impl AdminCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let Self::Recover(args) = self;
        let request = Request::post(&["users", &args.user, "recover"], json!({}));
        if let Some(answer) = args.change.send(session, request).await? {
            let set: PasswordSet = decode(&answer)?;
            session.console.answer(&answer, || {
                let password = set.password.unwrap_or_default();
                format!("password  {password}\nIt is shown this once. The second factor is off.")
            });
        }
        Ok(())
    }
}
