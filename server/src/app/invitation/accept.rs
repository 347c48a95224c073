use std::sync::Arc;

use berth_core::Problems;
use berth_core::command::{AcceptInvitation, CreateUser, Hosting};
use berth_core::id::RequestId;
use berth_core::mode::Mode;
use berth_core::name::PackageName;
use berth_core::role::Actor;
use berth_core::view::{CreatedUser, InvitationView};
use berth_core::{Code, Parse, Problem};
use berth_store::Tx;
use berth_store::invitations::{self, InvitationRecord};

use super::view;
use crate::app::client::Client;
use crate::app::context::{App, Ctx};
use crate::app::create_user::{Origin, create};
use crate::app::link::{invalid, sha256};
use crate::app::outcome::Outcome;
use crate::app::problem::{Failure, retrying};
use crate::app::sign_in::by_address;
use crate::app::throttle;

/// The package of whom nobody has given one.
const PACKAGE: &str = "standard";

/// The invitation of a link, for the page that it leads to. Looking does not use it up.
///
/// # Errors
/// `link_invalid`.
pub async fn show_invitation(app: &App, token: &str) -> Result<InvitationView, Problems> {
    let found = retrying!(app, async {
        let mut tx = app.store.read().await?;
        find(app, &mut tx, token).await
    })?;
    Ok(view(app, found))
}

/// Makes a user of whoever has the link of an invitation, by the same door as every other user. The domain has to
/// be proven. Signing in comes next.
///
/// # Errors
/// `link_invalid`, `too_many_attempts`, and everything that stands in the way of a new user, each with its field.
pub async fn accept_invitation(
    app: &Arc<App>,
    request: RequestId,
    client: &Client,
    token: &str,
    command: AcceptInvitation,
    mode: Mode,
) -> Result<Outcome<CreatedUser>, Problems> {
    let invitation = retrying!(app, async {
        let mut tx = app.store.read().await?;
        find(app, &mut tx, token).await
    })?;
    if mode == Mode::Apply {
        retrying!(app, throttle::charge(app, &[by_address(client)]))?;
    }
    let package = match invitation.package.clone().or_else(|| app.installation().default_package.clone()) {
        Some(package) => package,
        None => PackageName::parse(PACKAGE)?,
    };
    let hosting = command.account.map(|(username, primary_domain)| Hosting {
        username,
        package,
        primary_domain,
        sftp: true,
        ssh_keys: Vec::new(),
    });
    let command = CreateUser {
        email: invitation.email,
        display_name: command.display_name,
        role: invitation.role,
        hosting,
        password: Some(command.password),
        welcome_email: false,
    };
    let ctx = Ctx::new(Arc::clone(app), Actor::Anonymous { from: client.address().to_owned() }, request);
    let origin =
        Origin { invitation: Some(invitation.id), owner: invitation.owner, language: invitation.language };
    create(&ctx, command, mode, &origin).await
}

async fn find(app: &App, tx: &mut Tx, token: &str) -> Result<InvitationRecord, Failure> {
    let found = invitations::by_token(tx, &sha256(token)).await?;
    let open = found.filter(|invitation| {
        invitation.accepted_at.is_none()
            && invitation.revoked_at.is_none()
            && invitation.approved_at.is_some()
            && invitation.expires_at > app.clock.now()
    });
    open.ok_or_else(|| invalid().into())
}

/// Notes who came of an invitation, in the transaction that creates them: of two at the same time, one comes too
/// late.
pub(in crate::app) async fn used(
    app: &App,
    tx: &mut Tx,
    origin: &Origin,
    user: berth_core::id::UserId,
) -> Result<(), Failure> {
    let Some(id) = origin.invitation else { return Ok(()) };
    if invitations::accept(tx, id, user, app.clock.now()).await? {
        Ok(())
    } else {
        Err(Problem::new(Code::LinkInvalid, "the invitation was accepted or revoked meanwhile").into())
    }
}
