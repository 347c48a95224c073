//! Invitations: somebody who is no user yet gets a link to become one.

mod accept;
mod invite;
mod list;
mod resend;
mod revoke;

pub(super) use accept::used;
pub use accept::{accept_invitation, show_invitation};
pub use invite::invite_user;
pub use list::list_invitations;
pub use resend::resend_invitation;
pub use revoke::revoke_invitation;

use berth_core::id::InvitationId;
use berth_core::mail::InvitationState;
use berth_core::policy::{Action, Relation};
use berth_core::role::{Actor, Role};
use berth_core::view::InvitationView;
use berth_core::{Code, Problem, Problems};
use berth_store::invitations::{self, InvitationRecord};

use super::authorize::{Target, authorize};
use super::context::{App, Ctx};
use super::problem::retrying;

fn view(app: &App, invitation: InvitationRecord) -> InvitationView {
    let state = if invitation.accepted_at.is_some() {
        InvitationState::Accepted
    } else if invitation.revoked_at.is_some() {
        InvitationState::Revoked
    } else if invitation.approved_at.is_none() {
        InvitationState::AwaitsApproval
    } else if invitation.expires_at <= app.clock.now() {
        InvitationState::Expired
    } else {
        InvitationState::Pending
    };
    InvitationView {
        id: invitation.id,
        email: invitation.email,
        role: invitation.role,
        package: invitation.package,
        invited_by: invitation.invited_by,
        state,
        created_at: invitation.created_at,
        expires_at: invitation.expires_at,
        user: invitation.user,
    }
}

/// The reseller whose customers somebody's invitations are.
fn owner(actor: &Actor) -> Option<berth_core::id::UserId> {
    actor.user_and_role().filter(|(_, role)| *role == Role::Reseller).map(|(user, _)| user)
}

fn missing() -> Problem {
    Problem::new(Code::InvitationNotFound, "there is no such invitation")
}

/// An invitation that the caller may change.
async fn authorized(ctx: &Ctx, id: InvitationId) -> Result<InvitationRecord, Problems> {
    let found = retrying!(&ctx.app, async {
        let mut tx = ctx.app.store.read().await?;
        Ok(invitations::by_id(&mut tx, id).await?)
    })?;
    let mine = owner(&ctx.actor);
    let relation = match (&found, mine) {
        (Some(invitation), Some(me)) if invitation.owner == Some(me) => Relation::Installation,
        (_, Some(_)) => Relation::Foreign,
        _ => Relation::Installation,
    };
    let name = found.as_ref().map_or_else(|| id.to_string(), |invitation| invitation.email.to_string());
    let target = Target { relation, name, user: None, missing: missing() };
    authorize(ctx, Action::UserInvite, &target).await?;
    found.ok_or_else(|| missing().into())
}
