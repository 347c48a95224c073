//! `/users/{user}`: suspension, the trash, and the end.

use berth_core::Code;
use berth_core::command::SuspendUser;
use berth_core::id::UserId;
use berth_core::suspension::SuspensionReason;
use berth_core::view::{PurgeView, UserView};

use super::answer::{self, Answer};
use super::bodies::{ActivateUserBody, PurgeUserBody, SuspendUserBody};
use super::body::JsonFields;
use super::caller::Caller;
use super::params::{ChangeParams, IdempotencyParam, IfMatchParam, PurgedUserParam, UserParam};
use super::path::PathParts;
use super::query::{DryRun, NoQuery};
use crate::app;

/// Suspend a user
///
/// Closes what belongs to the user, for a reason. Reasons stack: each has to be taken away for itself, and the
/// highest level of those that are left counts. `login` keeps the user from signing in; `full` also closes
/// sites, PHP, file transfer, timers and the network. The reason `owner` leaves its user the way in.
#[utoipa::path(
    post, path = "/users/{user}/suspend", tag = "Users", operation_id = "suspend_user",
    params(UserParam, ChangeParams, IdempotencyParam, IfMatchParam),
    request_body = SuspendUserBody,
    responses((status = 200, description = "The user after the change", body = UserView,
        headers(("ETag" = String, description = "The new version")))),
    extensions(("x-problems" = json!([
        "user_not_found", "user_in_trash", "self_change", "last_admin", "suspension_foreign", "value_invalid",
        "precondition_failed"
    ]))),
)]
pub(super) async fn suspend(
    Caller(ctx): Caller,
    DryRun(mode): DryRun,
    path: PathParts,
    JsonFields(fields): JsonFields,
) -> Answer {
    let user = path.user()?;
    let command = SuspendUser::parse(fields)?;
    Ok(answer::edited(&app::suspend_user(&ctx, &user, command, mode).await?, |user| user.version))
}

/// Activate a user
///
/// Takes one reason away, or without one all that the caller may lift, but for what the owner has closed.
#[utoipa::path(
    post, path = "/users/{user}/activate", tag = "Users", operation_id = "activate_user",
    params(UserParam, ChangeParams, IdempotencyParam, IfMatchParam),
    request_body = ActivateUserBody,
    responses((status = 200, description = "The user after the change", body = UserView,
        headers(("ETag" = String, description = "The new version")))),
    extensions(("x-problems" = json!([
        "user_not_found", "user_in_trash", "not_suspended", "suspension_foreign", "value_invalid",
        "precondition_failed"
    ]))),
)]
pub(super) async fn activate(
    Caller(ctx): Caller,
    DryRun(mode): DryRun,
    path: PathParts,
    JsonFields(mut fields): JsonFields,
) -> Answer {
    let user = path.user()?;
    let reason = fields.optional::<SuspensionReason>("reason");
    fields.finish().into_result()?;
    Ok(answer::edited(&app::activate_user(&ctx, &user, reason, mode).await?, |user| user.version))
}

/// Delete a user
///
/// Into the trash: everything is closed and sealed at once, and can come back until the time in the trash is
/// over.
#[utoipa::path(
    delete, path = "/users/{user}", tag = "Users", operation_id = "delete_user",
    params(UserParam, ChangeParams, IdempotencyParam, IfMatchParam),
    responses((status = 200, description = "The user in the trash", body = UserView)),
    extensions(("x-problems" = json!([
        "user_not_found", "user_in_trash", "self_change", "last_admin", "reseller_has_users",
        "precondition_failed"
    ]))),
)]
pub(super) async fn delete(Caller(ctx): Caller, DryRun(mode): DryRun, path: PathParts) -> Answer {
    let user = path.user()?;
    Ok(answer::edited(&app::delete_user(&ctx, &user, mode).await?, |user| user.version))
}

/// Restore a user
///
/// Out of the trash, with the same numbers, keys, password and files.
#[utoipa::path(
    post, path = "/users/{user}/restore", tag = "Users", operation_id = "restore_user",
    params(UserParam, ChangeParams, IdempotencyParam, IfMatchParam),
    responses((status = 200, description = "The user after the change", body = UserView)),
    extensions(("x-problems" = json!([
        "user_not_found", "not_in_trash", "user_purging", "precondition_failed"
    ]))),
)]
pub(super) async fn restore(Caller(ctx): Caller, DryRun(mode): DryRun, path: PathParts) -> Answer {
    let user = path.user()?;
    Ok(answer::edited(&app::restore_user(&ctx, &user, mode).await?, |user| user.version))
}

/// Purge a user
///
/// Removes everything for good. The user is there until the node has removed all of it and has found nothing
/// of it left; `GET /purges/{id}` says how far it is.
#[utoipa::path(
    post, path = "/users/{user}/purge", tag = "Users", operation_id = "purge_user",
    params(UserParam, ChangeParams, IdempotencyParam, IfMatchParam),
    request_body = PurgeUserBody,
    responses((status = 200, description = "How far it is", body = PurgeView)),
    extensions(("x-problems" = json!([
        "user_not_found", "not_in_trash", "self_change", "last_admin", "reseller_has_users",
        "precondition_failed"
    ]))),
)]
pub(super) async fn purge(
    Caller(ctx): Caller,
    DryRun(mode): DryRun,
    path: PathParts,
    JsonFields(mut fields): JsonFields,
) -> Answer {
    let user = path.user()?;
    let live = fields.switch("live", false);
    fields.finish().into_result()?;
    Ok(answer::changed(&app::purge_user(&ctx, &user, live, mode).await?))
}

/// Show a purge
///
/// What is left; or, once the user is gone, what was looked for on the node and not found.
#[utoipa::path(
    get, path = "/purges/{id}", tag = "Users", operation_id = "show_purge",
    params(PurgedUserParam),
    responses((status = 200, description = "How far it is", body = PurgeView)),
    extensions(("x-problems" = json!(["user_not_found", "not_in_trash"]))),
)]
pub(super) async fn show_purge(Caller(ctx): Caller, _: NoQuery, path: PathParts) -> Answer {
    let user: UserId = path.id("id", Code::UserNotFound)?;
    Ok(answer::read(&app::show_purge(&ctx, user).await?))
}
