use berth_core::command::InviteUser;
use berth_core::id::{InvitationId, MailId};
use berth_core::mail::{InvitationOrigin, MailKind};
use berth_core::mode::Mode;
use berth_core::policy::Action;
use berth_core::role::Role;
use berth_core::view::{ChangeKind, InvitationIssued};
use berth_core::{Code, Problem, Problems};
use berth_store::invitations::{self, InvitationRecord};
use berth_store::{Tx, packages, users};
use chrono::TimeDelta;
use serde_json::json;

use super::{owner, view};
use crate::app::audited::audit;
use crate::app::authorize::{Target, authorize, refuse};
use crate::app::context::Ctx;
use crate::app::domain_claim::is_admin;
use crate::app::known::no_package;
use crate::app::link::{invitation_address, invitation_token, sha256};
use crate::app::mail::{Addressee, queue};
use crate::app::outcome::{Outcome, one_change};
use crate::app::problem::{Failure, retrying};

/// Invites somebody: they get a mail with a link that works once, for as many days as the settings say. The same
/// link is in the answer, to be passed on by other ways.
///
/// # Errors
/// `email_taken`, `invitation_pending`, `package_not_found`, each with its field; `forbidden` for a role that the
/// caller can't give.
pub async fn invite_user(
    ctx: &Ctx,
    command: InviteUser,
    mode: Mode,
) -> Result<Outcome<InvitationIssued>, Problems> {
    let target = Target::installation(command.email.to_string());
    authorize(ctx, Action::UserInvite, &target).await?;
    if command.role != Role::User && !is_admin(&ctx.actor) {
        let problem =
            Problem::new(Code::Forbidden, format!("only an administrator invites a {}", command.role))
                .at("role")
                .hint("use the role user");
        refuse(ctx, Action::UserInvite.as_str(), &target, problem).await?;
    }
    retrying!(&ctx.app, attempt(ctx, &command, mode))
}

async fn attempt(ctx: &Ctx, command: &InviteUser, mode: Mode) -> Result<Outcome<InvitationIssued>, Failure> {
    let mut tx = ctx.open(mode).await?;
    clashes(&mut tx, command).await?.into_result()?;
    let plan = || one_change(ChangeKind::Create, "invitation", command.email.to_string(), None);
    if let Some(answer) = Outcome::of_dry_run(mode, plan) {
        return Ok(answer);
    }
    let now = ctx.app.clock.now();
    let days = ctx.app.installation().invitation_days;
    let invitation = InvitationRecord {
        id: InvitationId::new(now, ctx.app.randomness.ten()),
        origin: InvitationOrigin::Invitation,
        email: command.email.clone(),
        role: command.role,
        package: command.package.clone(),
        language: command.language,
        owner: owner(&ctx.actor),
        invited_by: ctx.actor.label(),
        generation: 1,
        created_at: now,
        expires_at: now + TimeDelta::days(days.into()),
        approved_at: Some(now),
        accepted_at: None,
        revoked_at: None,
        user: None,
    };
    let token = invitation_token(&ctx.app, invitation.id, invitation.generation)?;
    invitations::insert(&mut tx, &invitation, &sha256(&token)).await?;
    mail(ctx, &mut tx, &invitation).await?;
    let detail = json!({ "invitation": invitation.id, "role": command.role, "package": command.package });
    audit(ctx, &mut tx, Action::UserInvite, command.email.to_string(), None, detail).await?;
    tx.commit().await?;
    let link = invitation_address(&ctx.app, invitation.id, invitation.generation)?;
    Ok(Outcome::Done(InvitationIssued { invitation: view(&ctx.app, invitation), link }))
}

/// Writes the mail that brings an invitation.
pub(super) async fn mail(ctx: &Ctx, tx: &mut Tx, invitation: &InvitationRecord) -> Result<(), Failure> {
    let to = Addressee {
        user: None,
        invitation: Some(invitation.id),
        address: invitation.email.clone(),
        language: invitation.language,
    };
    let id = MailId::new(ctx.app.clock.now(), ctx.app.randomness.ten());
    let detail = json!({ "inviter": invitation.invited_by });
    queue(&ctx.app, tx, id, MailKind::Invitation, to, detail).await
}

async fn clashes(tx: &mut Tx, command: &InviteUser) -> Result<Problems, Failure> {
    let mut problems = Problems::none();
    if users::by_email(tx, &command.email).await?.is_some() {
        let detail = format!("another user has the address {}", command.email);
        problems.push(Problem::new(Code::EmailTaken, detail).at("email"));
    } else if invitations::pending_of(tx, &command.email).await?.is_some() {
        let detail = format!("{} has been invited already", command.email);
        problems.push(Problem::new(Code::InvitationPending, detail).at("email"));
    }
    if let Some(name) = &command.package
        && packages::by_name(tx, name).await?.is_none()
    {
        problems.push(no_package(name).at("package"));
    }
    Ok(problems)
}
