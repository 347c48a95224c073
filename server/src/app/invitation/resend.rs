use berth_core::Problems;
use berth_core::id::InvitationId;
use berth_core::mode::Mode;
use berth_core::policy::Action;
use berth_core::view::{ChangeKind, InvitationIssued};
use berth_store::invitations;
use chrono::TimeDelta;
use serde_json::json;

use super::invite::mail;
use super::{authorized, missing, view};
use crate::app::audited::audit;
use crate::app::context::Ctx;
use crate::app::link::{invitation_address, invitation_token, sha256};
use crate::app::outcome::{Outcome, one_change};
use crate::app::problem::{Failure, retrying};

/// Sends an invitation once more, with another link: the one from before is nothing then, and the days count anew.
/// One that was approved by nobody is approved by it. The new link is in the answer.
///
/// # Errors
/// `invitation_not_found`, also if it was accepted or revoked.
pub async fn resend_invitation(
    ctx: &Ctx,
    id: InvitationId,
    mode: Mode,
) -> Result<Outcome<InvitationIssued>, Problems> {
    authorized(ctx, id).await?;
    retrying!(&ctx.app, attempt(ctx, id, mode))
}

async fn attempt(ctx: &Ctx, id: InvitationId, mode: Mode) -> Result<Outcome<InvitationIssued>, Failure> {
    let mut tx = ctx.open(mode).await?;
    let open = invitations::by_id(&mut tx, id)
        .await?
        .filter(|invitation| invitation.accepted_at.is_none() && invitation.revoked_at.is_none());
    let Some(mut invitation) = open else { return Err(missing().into()) };
    let plan = || one_change(ChangeKind::Change, "invitation", invitation.email.to_string(), None);
    if let Some(answer) = Outcome::of_dry_run(mode, plan) {
        return Ok(answer);
    }
    let now = ctx.app.clock.now();
    invitation.generation += 1;
    invitation.expires_at = now + TimeDelta::days(ctx.app.installation().invitation_days.into());
    invitation.approved_at = invitation.approved_at.or(Some(now));
    let token = invitation_token(&ctx.app, id, invitation.generation)?;
    if !invitations::renew(&mut tx, &invitation, &sha256(&token)).await? {
        return Err(missing().into());
    }
    mail(ctx, &mut tx, &invitation).await?;
    let detail = json!({ "invitation": id, "resent": true });
    audit(ctx, &mut tx, Action::UserInvite, invitation.email.to_string(), None, detail).await?;
    tx.commit().await?;
    let link = invitation_address(&ctx.app, id, invitation.generation)?;
    Ok(Outcome::Done(InvitationIssued { invitation: view(&ctx.app, invitation), link }))
}
