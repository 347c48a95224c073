//! `berth invitation …`, and `berth user invite`

use berth_core::view::{InvitationIssued, InvitationView};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::change::{ChangeArgs, object};
use super::pages;
use crate::client::{Request, Session, decode};
use crate::failure::Failure;
use crate::output::{cell, table};

#[derive(Debug, Subcommand)]
pub(crate) enum InvitationCommand {
    /// List invitations and how they stand
    List,
    /// Send an invitation again, with another link
    Resend(InvitationArgs),
    /// Take an invitation back
    Revoke(InvitationArgs),
}

#[derive(Debug, Args)]
pub(crate) struct InvitationArgs {
    /// Id of the invitation
    id: String,

    #[command(flatten)]
    change: ChangeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct InviteArgs {
    /// Where the invitation goes
    #[arg(long)]
    email: String,

    /// admin, reseller or user
    #[arg(long, default_value = "user")]
    role: String,

    /// The package of their account
    #[arg(long)]
    package: Option<String>,

    /// Language of the mail: en or de
    #[arg(long)]
    language: Option<String>,

    #[command(flatten)]
    change: ChangeArgs,
}

impl InviteArgs {
    pub(super) async fn run(self, session: &Session) -> Result<(), Failure> {
        let body = object([
            ("email", Some(self.email.into())),
            ("role", Some(self.role.into())),
            ("package", self.package.map(Value::from)),
            ("language", self.language.map(Value::from)),
        ]);
        issued(session, &self.change, Request::post(&["invitations"], body)).await
    }
}

impl InvitationCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::List => list(session).await,
            Self::Resend(args) => {
                let request = Request::post(&["invitations", &args.id, "resend"], json!({}));
                issued(session, &args.change, request).await
            }
            Self::Revoke(args) => {
                let request = Request::delete(&["invitations", &args.id]);
                if let Some(answer) = args.change.send(session, request).await? {
                    session.console.answer(&answer, || format!("invitation {} is revoked", args.id));
                }
                Ok(())
            }
        }
    }
}

async fn issued(session: &Session, change: &ChangeArgs, request: Request) -> Result<(), Failure> {
    if let Some(answer) = change.send(session, request).await? {
        let issued: InvitationIssued = decode(&answer)?;
        session.console.answer(&answer, || {
            let until = issued.invitation.expires_at.format("%F %R UTC");
            format!("{} is invited until {until}\nlink  {}", issued.invitation.email, issued.link)
        });
    }
    Ok(())
}

async fn list(session: &Session) -> Result<(), Failure> {
    pages::whole::<InvitationView>(session, Request::get(&["invitations"]), |all| {
        table(
            ["ID", "EMAIL", "ROLE", "PACKAGE", "STATE", "EXPIRES"],
            all.iter().map(|one| {
                [
                    one.id.to_string(),
                    one.email.to_string(),
                    one.role.to_string(),
                    cell(one.package.as_ref()),
                    one.state.as_str().to_owned(),
                    one.expires_at.format("%F %R").to_string(),
                ]
            }),
        )
    })
    .await
}
