//! `berth api-key …`

use berth_core::view::{ApiKeyView, CreatedApiKey};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::change::{ChangeArgs, object};
use super::pages;
use crate::client::{Request, Session, decode};
use crate::failure::Failure;
use crate::output::{cell, sheet, table};

#[derive(Debug, Subcommand)]
pub(crate) enum ApiKeyCommand {
    /// Create a key; its secret is shown once
    Create(CreateArgs),
    /// List keys, without their secrets
    List,
    /// Revoke a key at once
    Revoke(RevokeArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// What you call the key
    #[arg(long)]
    label: Option<String>,

    /// What the key may be used for: read, users, domains, keys, timers, packages, nodes,
    /// `api_keys`, webhooks, audit, settings;
    /// may be given several times
    #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ',')]
    scopes: Vec<String>,

    /// Whose rights the key has at most: username, email address or id; your own if absent
    #[arg(long)]
    user: Option<String>,

    /// Days until the key expires; never if absent
    #[arg(long, value_name = "DAYS")]
    expires_in_days: Option<u64>,

    #[command(flatten)]
    change: ChangeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RevokeArgs {
    /// Id of the key
    id: String,

    #[command(flatten)]
    change: ChangeArgs,
}

impl CreateArgs {
    pub(super) fn body(&self) -> Value {
        object([
            ("label", self.label.clone().map(Value::from)),
            ("scopes", (!self.scopes.is_empty()).then(|| json!(self.scopes))),
            ("user", self.user.clone().map(Value::from)),
            ("expires_in_days", self.expires_in_days.map(Value::from)),
        ])
    }
}

impl ApiKeyCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Create(args) => {
                let request = Request::post(&["api-keys"], args.body());
                if let Some(answer) = args.change.send(session, request).await? {
                    let created: CreatedApiKey = decode(&answer)?;
                    session.console.answer(&answer, || {
                        let shown = key_sheet(&created.key);
                        format!("{shown}\n\nsecret  {}\nIt is shown this once.", created.secret)
                    });
                }
                Ok(())
            }
            Self::List => list(session).await,
            Self::Revoke(args) => {
                let request = Request::delete(&["api-keys", &args.id]);
                if let Some(answer) = args.change.send(session, request).await? {
                    session.console.answer(&answer, || format!("key {} is revoked", args.id));
                }
                Ok(())
            }
        }
    }
}

async fn list(session: &Session) -> Result<(), Failure> {
    pages::whole::<ApiKeyView>(session, Request::get(&["api-keys"]), |keys| {
        table(
            ["ID", "LABEL", "SCOPES", "EXPIRES", "USED", "REVOKED"],
            keys.iter().map(|key| {
                [
                    key.id.to_string(),
                    key.label.clone(),
                    scopes(key),
                    cell(key.expires_at.map(|at| at.format("%F"))),
                    cell(key.used_at.map(|at| at.format("%F %R"))),
                    cell(key.revoked_at.map(|at| at.format("%F %R"))),
                ]
            }),
        )
    })
    .await
}

fn key_sheet(key: &ApiKeyView) -> String {
    sheet([
        ("id", Some(key.id.to_string())),
        ("label", Some(key.label.clone())),
        ("user", Some(key.user.to_string())),
        ("scopes", Some(scopes(key))),
        (
            "expires",
            Some(key.expires_at.map_or_else(|| "never".to_owned(), |at| at.format("%F %T UTC").to_string())),
        ),
    ])
}

fn scopes(key: &ApiKeyView) -> String {
    key.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(",")
}
