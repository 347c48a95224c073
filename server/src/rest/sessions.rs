//! `/users/{user}/sessions` and what else belongs to a user's signing in.

use berth_core::Code;
use berth_core::view::{
    LoginView, MailView, Page, PasswordSet, SecondFactorView, SessionView, SessionsEnded,
};

use super::answer::{self, Answer};
use super::bodies::RequireSecondFactorBody;
use super::body::JsonFields;
use super::caller::Caller;
use super::params::{ChangeParams, IdParam, IdempotencyParam, UserParam};
use super::path::PathParts;
use super::query::{DryRun, NoQuery};
use crate::app;

/// List a user's sessions
#[utoipa::path(
    get, path = "/users/{user}/sessions", tag = "Sessions", operation_id = "list_sessions",
    params(UserParam),
    responses((status = 200, description = "Those that are open, in one page", body = Page<SessionView>)),
    extensions(("x-problems" = json!(["user_not_found"]))),
)]
pub(super) async fn list(Caller(ctx): Caller, path: PathParts, _: NoQuery) -> Answer {
    Ok(answer::listed(app::list_sessions(&ctx, &path.user()?).await?))
}

/// End every session of a user
///
/// But not the one that asks.
#[utoipa::path(
    delete, path = "/users/{user}/sessions", tag = "Sessions", operation_id = "revoke_sessions",
    params(UserParam, ChangeParams, IdempotencyParam),
    responses((status = 200, description = "How many were ended", body = SessionsEnded)),
    extensions(("x-problems" = json!(["user_not_found"]))),
)]
pub(super) async fn revoke_all(Caller(ctx): Caller, DryRun(mode): DryRun, path: PathParts) -> Answer {
    Ok(answer::changed(&app::revoke_sessions(&ctx, &path.user()?, mode).await?))
}

/// End a session
#[utoipa::path(
    delete, path = "/users/{user}/sessions/{id}", tag = "Sessions", operation_id = "revoke_session",
    params(UserParam, IdParam, ChangeParams, IdempotencyParam),
    responses((status = 200, description = "How many were ended: one", body = SessionsEnded)),
    extensions(("x-problems" = json!(["user_not_found", "session_not_found"]))),
)]
pub(super) async fn revoke(Caller(ctx): Caller, DryRun(mode): DryRun, path: PathParts) -> Answer {
    let id = path.id("id", Code::SessionNotFound)?;
    Ok(answer::changed(&app::revoke_session(&ctx, &path.user()?, id, mode).await?))
}

/// List the latest sign-ins of a user
///
/// Those that failed too.
#[utoipa::path(
    get, path = "/users/{user}/logins", tag = "Sessions", operation_id = "list_logins",
    params(UserParam),
    responses((status = 200, description = "The latest, in one page", body = Page<LoginView>)),
    extensions(("x-problems" = json!(["user_not_found"]))),
)]
pub(super) async fn logins(Caller(ctx): Caller, path: PathParts, _: NoQuery) -> Answer {
    Ok(answer::listed(app::list_logins(&ctx, &path.user()?).await?))
}

/// Show a user's second factor
#[utoipa::path(
    get, path = "/users/{user}/second-factor", tag = "Sessions", operation_id = "show_second_factor",
    params(UserParam),
    responses((status = 200, description = "Whether it is on, and whether it must be", body = SecondFactorView)),
    extensions(("x-problems" = json!(["user_not_found"]))),
)]
pub(super) async fn second_factor(Caller(ctx): Caller, path: PathParts, _: NoQuery) -> Answer {
    Ok(answer::read(&app::show_second_factor(&ctx, &path.user()?).await?))
}

/// Say whether a user must have a second factor
///
/// Whoever must and has none enrols one at the next sign-in.
#[utoipa::path(
    put, path = "/users/{user}/second-factor", tag = "Sessions", operation_id = "require_second_factor",
    params(UserParam, ChangeParams, IdempotencyParam),
    request_body = RequireSecondFactorBody,
    responses((status = 200, description = "The second factor after the change", body = SecondFactorView)),
    extensions(("x-problems" = json!(["user_not_found"]))),
)]
pub(super) async fn require_second_factor(
    Caller(ctx): Caller,
    DryRun(mode): DryRun,
    path: PathParts,
    JsonFields(mut fields): JsonFields,
) -> Answer {
    let user = path.user()?;
    let required = fields.switch("required", true);
    fields.finish().into_result()?;
    Ok(answer::changed(&app::require_second_factor(&ctx, &user, required, mode).await?))
}

/// Reset a user's second factor
///
/// It is off afterwards, and has to be enrolled again at the next sign-in. The user is told by mail.
#[utoipa::path(
    post, path = "/users/{user}/second-factor/reset", tag = "Sessions", operation_id = "reset_second_factor",
    params(UserParam, ChangeParams, IdempotencyParam),
    responses((status = 200, description = "The second factor after the change", body = SecondFactorView)),
    extensions(("x-problems" = json!(["user_not_found"]))),
)]
pub(super) async fn reset_second_factor(
    Caller(ctx): Caller,
    DryRun(mode): DryRun,
    path: PathParts,
) -> Answer {
    Ok(answer::changed(&app::reset_second_factor(&ctx, &path.user()?, mode).await?))
}

/// List the mails to a user
///
/// With what became of each.
#[utoipa::path(
    get, path = "/users/{user}/mails", tag = "Sessions", operation_id = "list_mails",
    params(UserParam),
    responses((status = 200, description = "The latest, in one page", body = Page<MailView>)),
    extensions(("x-problems" = json!(["user_not_found"]))),
)]
pub(super) async fn mails(Caller(ctx): Caller, path: PathParts, _: NoQuery) -> Answer {
    Ok(answer::listed(app::list_mails(&ctx, &path.user()?).await?))
}

/// Send a mail to a user again
#[utoipa::path(
    post, path = "/users/{user}/mails/{id}/resend", tag = "Sessions", operation_id = "resend_mail",
    params(UserParam, IdParam, ChangeParams, IdempotencyParam),
    responses((status = 200, description = "The new mail", body = MailView)),
    extensions(("x-problems" = json!(["user_not_found", "mail_not_found"]))),
)]
pub(super) async fn resend_mail(Caller(ctx): Caller, DryRun(mode): DryRun, path: PathParts) -> Answer {
    let id = path.id("id", Code::MailNotFound)?;
    Ok(answer::changed(&app::resend_mail(&ctx, &path.user()?, id, mode).await?))
}

/// Let an administrator in again
///
/// With a new password and without a second factor. Only root on the host can do it.
#[utoipa::path(
    post, path = "/users/{user}/recover", tag = "Sessions", operation_id = "recover_admin",
    params(UserParam, ChangeParams, IdempotencyParam),
    responses((status = 200, description = "The new password, shown once", body = PasswordSet)),
    extensions(("x-problems" = json!(["user_not_found", "value_invalid"]))),
)]
pub(super) async fn recover(Caller(ctx): Caller, DryRun(mode): DryRun, path: PathParts) -> Answer {
    Ok(answer::changed(&app::recover_admin(&ctx, &path.user()?, mode).await?))
}
