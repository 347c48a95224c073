//! `/invitations`

use berth_core::Code;
use berth_core::command::InviteUser;
use berth_core::view::{InvitationIssued, InvitationView, Page};

use super::answer::{self, Answer};
use super::bodies::InviteUserBody;
use super::body::JsonFields;
use super::caller::Caller;
use super::params::{ChangeParams, IdParam, IdempotencyParam};
use super::path::PathParts;
use super::query::{DryRun, NoQuery};
use crate::app;

/// List invitations
///
/// Newest first, with how each stands; a reseller sees their own.
#[utoipa::path(
    get, path = "/invitations", tag = "Invitations", operation_id = "list_invitations",
    responses((status = 200, description = "The newest, in one page", body = Page<InvitationView>)),
    extensions(("x-problems" = json!([]))),
)]
pub(super) async fn list(Caller(ctx): Caller, _: NoQuery) -> Answer {
    Ok(answer::listed(app::list_invitations(&ctx).await?))
}

/// Invite somebody
///
/// They get a mail with a link that works once. The same link is in this answer.
#[utoipa::path(
    post, path = "/invitations", tag = "Invitations", operation_id = "invite_user",
    params(ChangeParams, IdempotencyParam),
    request_body = InviteUserBody,
    responses((status = 201, description = "The invitation with its link", body = InvitationIssued)),
    extensions(("x-problems" = json!([
        "email_invalid", "email_taken", "invitation_pending", "role_invalid", "package_name_invalid",
        "package_not_found"
    ]))),
)]
pub(super) async fn invite(
    Caller(ctx): Caller,
    DryRun(mode): DryRun,
    JsonFields(fields): JsonFields,
) -> Answer {
    let command = InviteUser::parse(fields)?;
    let outcome = app::invite_user(&ctx, command, mode).await?;
    Ok(answer::created(&outcome, |issued| format!("/api/v1/invitations/{}", issued.invitation.id)))
}

/// Send an invitation again
///
/// With another link, which is in this answer; the one from before is nothing then. A registration that waits for
/// approval is approved by it.
#[utoipa::path(
    post, path = "/invitations/{id}/resend", tag = "Invitations", operation_id = "resend_invitation",
    params(IdParam, ChangeParams, IdempotencyParam),
    responses((status = 200, description = "The invitation with its new link", body = InvitationIssued)),
    extensions(("x-problems" = json!(["invitation_not_found"]))),
)]
pub(super) async fn resend(Caller(ctx): Caller, DryRun(mode): DryRun, path: PathParts) -> Answer {
    let id = path.id("id", Code::InvitationNotFound)?;
    Ok(answer::changed(&app::resend_invitation(&ctx, id, mode).await?))
}

/// Revoke an invitation
#[utoipa::path(
    delete, path = "/invitations/{id}", tag = "Invitations", operation_id = "revoke_invitation",
    params(IdParam, ChangeParams, IdempotencyParam),
    responses((status = 200, description = "The invitation, revoked", body = InvitationView)),
    extensions(("x-problems" = json!(["invitation_not_found"]))),
)]
pub(super) async fn revoke(Caller(ctx): Caller, DryRun(mode): DryRun, path: PathParts) -> Answer {
    let id = path.id("id", Code::InvitationNotFound)?;
    Ok(answer::changed(&app::revoke_invitation(&ctx, id, mode).await?))
}
