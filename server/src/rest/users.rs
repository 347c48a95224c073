//! `/users` and what each user has one of.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use berth_core::command::{CreateUser, EditUser, ListUsers, SetPackage, SetPassword};
use berth_core::role::Role;
use berth_core::view::{ConditionsView, CreatedUser, Page, PasswordSet, UserView};
use berth_core::{Code, Problems};

use super::answer::{self, Answer};
use super::bodies::{
    CreateUserBody, EditUserBody, SetPackageBody, SetPasswordBody, SetRoleBody, SetSftpBody,
};
use super::body::JsonFields;
use super::caller::Caller;
use super::params::{
    ChangeParams, IdempotencyParam, IfMatchParam, PageParams, UserFilterParams, UserParam, WaitParams,
};
use super::path::PathParts;
use super::query::{DryRun, NoQuery, QueryFields, number};
use super::{Rest, problem::Refusal};
use crate::app::{self, Outcome, Wait};

/// List users
///
/// Newest first, page by page; holds the users that the caller may see.
#[utoipa::path(
    get, path = "/users", tag = "Users", operation_id = "list_users",
    params(UserFilterParams, PageParams),
    responses((status = 200, description = "One page of users", body = Page<UserView>)),
    extensions(("x-problems" = json!(["value_invalid", "role_invalid", "package_name_invalid", "cursor_invalid"]))),
)]
pub(super) async fn list(Caller(ctx): Caller, QueryFields(fields): QueryFields) -> Answer {
    let command = ListUsers::parse(fields)?;
    Ok(answer::read(&app::list_users(&ctx, command).await?))
}

/// Create a user
///
/// Creates the person and, with `username`, `package` and `primary_domain`, their hosting account. The answer
/// comes as soon as everything is stored; the node then converges, see the conditions. A generated password
/// is in this answer and nowhere else. If the request had been done before, the answer is `200` with
/// `replayed`, without password.
#[utoipa::path(
    post, path = "/users", tag = "Users", operation_id = "create_user",
    params(ChangeParams, IdempotencyParam),
    request_body = CreateUserBody,
    responses((status = 201, description = "The new user", body = CreatedUser)),
    extensions(("x-problems" = json!([
        "username_invalid", "username_reserved", "username_taken", "home_exists", "email_invalid", "email_taken",
        "display_name_invalid", "role_invalid", "domain_invalid", "domain_taken", "password_invalid",
        "package_name_invalid", "package_not_found", "ssh_key_invalid", "ssh_key_taken", "account_missing",
        "sftp_not_included", "node_missing", "ids_exhausted"
    ]))),
)]
pub(super) async fn create(
    Caller(ctx): Caller,
    DryRun(mode): DryRun,
    JsonFields(fields): JsonFields,
) -> Answer {
    let command = CreateUser::parse(fields)?;
    let outcome = app::create_user(&ctx, command, mode).await?;
    let mut response = answer::created(&outcome, |created| format!("/api/v1/users/{}", created.user.id));
    if matches!(&outcome, Outcome::Done(created) if created.replayed) {
        *response.status_mut() = StatusCode::OK;
    }
    Ok(response)
}

/// Show a user
#[utoipa::path(
    get, path = "/users/{user}", tag = "Users", operation_id = "show_user",
    params(UserParam),
    responses((status = 200, description = "The user", body = UserView,
        headers(("ETag" = String, description = "The version, for If-Match")))),
    extensions(("x-problems" = json!(["user_not_found"]))),
)]
pub(super) async fn show(Caller(ctx): Caller, _: NoQuery, path: PathParts) -> Answer {
    let user = app::show_user(&ctx, &path.user()?).await?;
    Ok(answer::versioned(&user, user.version))
}

/// Change a profile
///
/// What is not named stays; null takes phone, address and time zone away.
#[utoipa::path(
    patch, path = "/users/{user}", tag = "Users", operation_id = "edit_user",
    params(UserParam, ChangeParams, IdempotencyParam, IfMatchParam),
    request_body = EditUserBody,
    responses((status = 200, description = "The user after the change", body = UserView,
        headers(("ETag" = String, description = "The new version")))),
    extensions(("x-problems" = json!([
        "user_not_found", "display_name_invalid", "email_invalid", "email_taken", "precondition_failed"
    ]))),
)]
pub(super) async fn edit(
    Caller(ctx): Caller,
    DryRun(mode): DryRun,
    path: PathParts,
    JsonFields(fields): JsonFields,
) -> Answer {
    let user = path.user()?;
    let command = EditUser::parse(fields)?;
    Ok(answer::edited(&app::edit_user(&ctx, &user, command, mode).await?, |user| user.version))
}

/// Set a password
///
/// A generated password is in this answer and nowhere else.
#[utoipa::path(
    put, path = "/users/{user}/password", tag = "Users", operation_id = "set_password",
    params(UserParam, ChangeParams, IdempotencyParam),
    request_body = SetPasswordBody,
    responses((status = 200, description = "It is set", body = PasswordSet)),
    extensions(("x-problems" = json!(["user_not_found", "password_invalid"]))),
)]
pub(super) async fn set_password(
    Caller(ctx): Caller,
    DryRun(mode): DryRun,
    path: PathParts,
    JsonFields(fields): JsonFields,
) -> Answer {
    let user = path.user()?;
    let command = SetPassword::parse(fields)?;
    Ok(answer::changed(&app::set_password(&ctx, &user, command, mode).await?))
}

/// Change a role
#[utoipa::path(
    put, path = "/users/{user}/role", tag = "Users", operation_id = "set_role",
    params(UserParam, ChangeParams, IdempotencyParam),
    request_body = SetRoleBody,
    responses((status = 200, description = "The user after the change", body = UserView)),
    extensions(("x-problems" = json!([
        "user_not_found", "role_invalid", "last_admin", "self_change", "account_missing"
    ]))),
)]
pub(super) async fn set_role(
    Caller(ctx): Caller,
    DryRun(mode): DryRun,
    path: PathParts,
    JsonFields(mut fields): JsonFields,
) -> Answer {
    let user = path.user()?;
    let role = fields.required::<Role>("role");
    let role = present(role, fields.finish())?;
    Ok(answer::edited(&app::set_role(&ctx, &user, role, mode).await?, |user| user.version))
}

/// Give the account another package
///
/// A package that allows less than the account uses is refused, unless `force` is set: nothing is taken away then,
/// but nothing can be added until there is room again. `dry_run=plan` shows what grows, shrinks or is exceeded.
#[utoipa::path(
    put, path = "/users/{user}/package", tag = "Users", operation_id = "set_package",
    params(UserParam, ChangeParams, IdempotencyParam, IfMatchParam),
    request_body = SetPackageBody,
    responses((status = 200, description = "The user after the change", body = UserView)),
    extensions(("x-problems" = json!([
        "user_not_found", "account_missing", "package_name_invalid", "package_not_found", "limit_exceeded",
        "precondition_failed"
    ]))),
)]
pub(super) async fn set_package(
    Caller(ctx): Caller,
    DryRun(mode): DryRun,
    path: PathParts,
    JsonFields(fields): JsonFields,
) -> Answer {
    let user = path.user()?;
    let command = SetPackage::parse(fields)?;
    Ok(answer::edited(&app::set_package(&ctx, &user, command, mode).await?, |user| user.version))
}

/// Switch file transfer on or off
///
/// Open sessions end when it is switched off.
#[utoipa::path(
    put, path = "/users/{user}/sftp", tag = "Users", operation_id = "set_sftp",
    params(UserParam, ChangeParams, IdempotencyParam),
    request_body = SetSftpBody,
    responses((status = 200, description = "The user after the change", body = UserView)),
    extensions(("x-problems" = json!(["user_not_found", "account_missing", "sftp_not_included"]))),
)]
pub(super) async fn set_sftp(
    Caller(ctx): Caller,
    DryRun(mode): DryRun,
    path: PathParts,
    JsonFields(mut fields): JsonFields,
) -> Answer {
    let user = path.user()?;
    if !fields.has("enabled") {
        fields.refuse("enabled", Code::FieldMissing, "`enabled` is required");
    }
    let enabled = fields.optional_switch("enabled");
    let enabled = present(enabled, fields.finish())?;
    Ok(answer::edited(&app::set_sftp(&ctx, &user, enabled, mode).await?, |user| user.version))
}

/// Show how far the node is
///
/// One condition for each resource of the account, with what was observed. With `wait_ms` the answer comes
/// when the account has settled, or else when the time is up, with the state as it is then.
#[utoipa::path(
    get, path = "/users/{user}/conditions", tag = "Users", operation_id = "show_conditions",
    params(UserParam, WaitParams),
    responses((status = 200, description = "Desired and observed state", body = ConditionsView,
        headers(("ETag" = String, description = "Changes with the state; pass it as `since`")))),
    extensions(("x-problems" = json!(["user_not_found", "account_missing", "value_invalid"]))),
)]
pub(super) async fn conditions(
    State(rest): State<Rest>,
    Caller(ctx): Caller,
    path: PathParts,
    QueryFields(mut fields): QueryFields,
) -> Answer {
    let user = path.user()?;
    let wait = number(&mut fields, "wait_ms", 0..=30_000).unwrap_or(0);
    let after_generation = number(&mut fields, "after_generation", 0..=u64::MAX);
    let since = fields.text("since").map(|mark| mark.trim_matches('"').to_owned());
    fields.finish().into_result()?;
    let wait = Wait { wait: Duration::from_millis(wait), after_generation, since };
    let view = tokio::select! {
        view = app::conditions(&ctx, &user, wait) => view?,
        // Whoever waits would keep the server from ending.
        () = rest.shutdown.begun() => app::conditions(&ctx, &user, Wait::default()).await?,
    };
    let mut response = answer::read(&view);
    if let Ok(mark) = HeaderValue::try_from(format!("\"{}\"", Wait::mark(&view))) {
        response.headers_mut().insert(header::ETAG, mark);
    }
    Ok(response)
}

/// A value without which there would have been a problem.
fn present<T>(value: Option<T>, problems: Problems) -> Result<T, Refusal> {
    problems.into_result()?;
    value.ok_or_else(|| Refusal::internal("a required field was neither read nor missed"))
}
