//! `berth ssh-key …`

use std::path::PathBuf;

use berth_core::view::SshKeyView;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::change::ChangeArgs;
use super::pages;
use super::user::{UserArg, public_key};
use crate::client::{Request, Session, WaitArgs, decode, follow_change};
use crate::failure::Failure;
use crate::output::{sheet, table};

#[derive(Debug, Subcommand)]
pub(crate) enum SshKeyCommand {
    /// Add a public key
    Add(AddArgs),
    /// List the keys of a user
    List(ListArgs),
    /// Remove a key and end the sessions that it opened
    Remove(RemoveArgs),
}

#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    #[command(flatten)]
    user: UserArg,

    /// File of the public key
    #[arg(long, value_name = "FILE")]
    file: PathBuf,

    #[command(flatten)]
    change: ChangeArgs,

    #[command(flatten)]
    wait: WaitArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RemoveArgs {
    #[command(flatten)]
    user: UserArg,

    /// Id or fingerprint of the key
    key: String,

    #[command(flatten)]
    change: ChangeArgs,

    #[command(flatten)]
    wait: WaitArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    user: UserArg,
}

/// The body of `POST /users/{user}/ssh-keys`.
pub(super) fn body(key: &str) -> Value {
    json!({"key": key})
}

impl SshKeyCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Add(args) => {
                let user = &args.user.user;
                let request = Request::post(&["users", user, "ssh-keys"], body(&public_key(&args.file)?));
                let Some(answer) = args.change.send(session, request).await? else { return Ok(()) };
                let key: SshKeyView = decode(&answer)?;
                session.console.answer(&answer, || {
                    sheet([
                        ("id", Some(key.id.to_string())),
                        ("fingerprint", Some(key.fingerprint.clone())),
                        ("comment", Some(key.comment.clone())),
                    ])
                });
                follow_change(session, user, &args.wait).await
            }
            Self::Remove(args) => {
                let user = &args.user.user;
                let request = Request::delete(&["users", user, "ssh-keys", &args.key]);
                let Some(answer) = args.change.send(session, request).await? else { return Ok(()) };
                session.console.answer(&answer, || format!("key {} is removed", args.key));
                follow_change(session, user, &args.wait).await
            }
            Self::List(args) => {
                let request = Request::get(&["users", &args.user.user, "ssh-keys"]);
                pages::whole::<SshKeyView>(session, request, |keys| {
                    table(
                        ["ID", "FINGERPRINT", "COMMENT"],
                        keys.iter()
                            .map(|key| [key.id.to_string(), key.fingerprint.clone(), key.comment.clone()]),
                    )
                })
                .await
            }
        }
    }
}
