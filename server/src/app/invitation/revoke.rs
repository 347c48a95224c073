use berth_core::Problems;
use berth_core::id::InvitationId;
use berth_core::mode::Mode;
use berth_core::policy::Action;
use berth_core::view::{ChangeKind, InvitationView};
use berth_store::invitations;
use serde_json::json;

use super::{authorized, missing, view};
use crate::app::audited::audit;
use crate::app::context::Ctx;
use crate::app::outcome::{Outcome, one_change};
use crate::app::problem::{Failure, retrying};

/// Takes an invitation back: its link is nothing from now on.
///
/// # Errors
/// `invitation_not_found`, also if it was accepted or revoked.
pub async fn revoke_invitation(
    ctx: &Ctx,
    id: InvitationId,
    mode: Mode,
) -> Result<Outcome<InvitationView>, Problems> {
    authorized(ctx, id).await?;
    retrying!(&ctx.app, attempt(ctx, id, mode))
}

async fn attempt(ctx: &Ctx, id: InvitationId, mode: Mode) -> Result<Outcome<InvitationView>, Failure> {
    let now = ctx.app.clock.now();
    let mut tx = ctx.open(mode).await?;
    let open = invitations::by_id(&mut tx, id)
        .await?
        .filter(|invitation| invitation.accepted_at.is_none() && invitation.revoked_at.is_none());
    let Some(mut invitation) = open else { return Err(missing().into()) };
    let plan = || one_change(ChangeKind::Remove, "invitation", invitation.email.to_string(), None);
    if let Some(answer) = Outcome::of_dry_run(mode, plan) {
        return Ok(answer);
    }
    if !invitations::revoke(&mut tx, id, now).await? {
        return Err(missing().into());
    }
    invitation.revoked_at = Some(now);
    let detail = json!({ "invitation": id, "revoked": true });
    audit(ctx, &mut tx, Action::UserInvite, invitation.email.to_string(), None, detail).await?;
    tx.commit().await?;
    Ok(Outcome::Done(view(&ctx.app, invitation)))
}
