//! `berth installatron …`

use berth_core::view::InstallatronKey;
use clap::{Args, Subcommand};
use serde_json::json;

use super::change::ChangeArgs;
use crate::client::{Request, Session, decode};
use crate::failure::Failure;

#[derive(Debug, Subcommand)]
pub(crate) enum InstallatronCommand {
    /// Make a new key for clients of Installatron's API; the one before goes on to work
    RotateKey(RotateKeyArgs),
}

#[derive(Debug, Args)]
pub(crate) struct RotateKeyArgs {
    #[command(flatten)]
    change: ChangeArgs,
}

impl InstallatronCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let Self::RotateKey(args) = self;
        let request = Request::post(&["installatron", "key"], json!({}));
        if let Some(answer) = args.change.send(session, request).await? {
            let made: InstallatronKey = decode(&answer)?;
            session.console.answer(&answer, || format!("key  {}\nIt is shown this once.", made.key));
        }
        Ok(())
    }
}
