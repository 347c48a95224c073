//! `berth user …`

mod create;
mod edit;
mod life;
mod list;
mod package;
mod password;
mod show;

use berth_core::view::{ConditionsView, UserView};
use clap::{Args, Subcommand};
use serde_json::json;

pub(super) use create::public_key;
use show::conditions_table;

use super::change::ChangeArgs;
use super::invitation::InviteArgs;
use crate::client::{Followed, Request, Session, WaitArgs, decode, follow};
use crate::failure::Failure;

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Create a user with account, home, site and PHP
    Create(create::CreateArgs),
    /// List users
    List(list::ListArgs),
    /// Show a user
    Show(UserArg),
    /// Change a user's profile
    Edit(edit::EditArgs),
    /// Set a user's password; a generated one is shown once
    SetPassword(password::SetPasswordArgs),
    /// Invite somebody by mail
    Invite(InviteArgs),
    /// Switch a user's second factor off, to be enrolled again
    #[command(name = "reset-2fa")]
    ResetSecondFactor(ResetArgs),
    /// Change what a user may do
    SetRole(SetRoleArgs),
    /// Close what belongs to users, for a reason
    Suspend(life::SuspendArgs),
    /// Take a reason away; what is left goes on closing
    Activate(life::ActivateArgs),
    /// Put a user into the trash: closed and sealed, and able to come back
    Delete(life::DeleteArgs),
    /// Bring a user back from the trash
    Restore(life::RestoreArgs),
    /// Remove a user for good, and show what was looked for
    Purge(life::PurgeArgs),
    /// Give a user's account another package; --plan shows what grows, shrinks or is exceeded
    SetPackage(package::SetPackageArgs),
    /// Show what shall be and what is, for every resource of the account
    Conditions(ConditionsArgs),
}

/// Which user.
#[derive(Debug, Clone, Args)]
pub(crate) struct UserArg {
    /// Username, email address or id
    pub(crate) user: String,
}

#[derive(Debug, Args)]
pub(crate) struct SetRoleArgs {
    #[command(flatten)]
    user: UserArg,

    /// admin, reseller or user
    role: String,

    #[command(flatten)]
    change: ChangeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ResetArgs {
    #[command(flatten)]
    user: UserArg,

    #[command(flatten)]
    change: ChangeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ConditionsArgs {
    #[command(flatten)]
    user: UserArg,

    #[command(flatten)]
    wait: WaitArgs,
}

impl UserCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Create(args) => args.run(session).await,
            Self::List(args) => args.run(session).await,
            Self::Show(args) => show::run(session, &args.user).await,
            Self::Edit(args) => args.run(session).await,
            Self::SetPassword(args) => args.run(session).await,
            Self::Invite(args) => args.run(session).await,
            Self::ResetSecondFactor(args) => reset_second_factor(session, args).await,
            Self::SetRole(args) => set_role(session, args).await,
            Self::Suspend(args) => life::suspend(session, args).await,
            Self::Activate(args) => life::activate(session, args).await,
            Self::Delete(args) => life::delete(session, args).await,
            Self::Restore(args) => life::restore(session, args).await,
            Self::Purge(args) => life::purge(session, args).await,
            Self::SetPackage(args) => args.run(session).await,
            Self::Conditions(args) => conditions(session, args).await,
        }
    }
}

async fn set_role(session: &Session, args: SetRoleArgs) -> Result<(), Failure> {
    let request = Request::put(&["users", &args.user.user, "role"], json!({"role": args.role}));
    if let Some(answer) = args.change.send(session, request).await? {
        let user: UserView = decode(&answer)?;
        session.console.answer(&answer, || show::user_sheet(&user));
    }
    Ok(())
}

async fn reset_second_factor(session: &Session, args: ResetArgs) -> Result<(), Failure> {
    let request = Request::post(&["users", &args.user.user, "second-factor", "reset"], json!({}));
    if let Some(answer) = args.change.send(session, request).await? {
        session.console.answer(&answer, || {
            format!("{} enrols another second factor at the next sign-in", args.user.user)
        });
    }
    Ok(())
}

async fn conditions(session: &Session, args: ConditionsArgs) -> Result<(), Failure> {
    let user = &args.user.user;
    let followed = if args.wait.wait {
        follow(session, user, args.wait.limit()).await?
    } else {
        let view: ConditionsView = session.fetch(Request::get(&["users", user, "conditions"])).await?;
        Followed { view: Some(view), problems: Vec::new() }
    };
    match &followed.view {
        Some(view) => session.console.answer(view, || conditions_table(&view.conditions)),
        // The server never answered: the document of the failure is the only answer there is.
        None => {
            return followed.result().map_err(|failure| Failure { answered: false, ..failure });
        }
    }
    if args.wait.wait { followed.result() } else { Ok(()) }
}
