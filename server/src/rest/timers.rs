//! `/users/{user}/timers`

use berth_core::command::{AddTimer, EditTimer};
use berth_core::view::{Page, TimerRunView, TimerView};

use super::answer::{self, Answer};
use super::bodies::{AddTimerBody, EditTimerBody};
use super::body::JsonFields;
use super::caller::Caller;
use super::params::{ChangeParams, IdempotencyParam, TimerParam, UserParam};
use super::path::PathParts;
use super::query::{DryRun, NoQuery};
use crate::app;

/// List the timers of a user
#[utoipa::path(
    get, path = "/users/{user}/timers", tag = "Timers", operation_id = "list_timers",
    params(UserParam),
    responses((status = 200, description = "All of them, in one page", body = Page<TimerView>)),
    extensions(("x-problems" = json!(["user_not_found"]))),
)]
pub(super) async fn list(Caller(ctx): Caller, _: NoQuery, path: PathParts) -> Answer {
    Ok(answer::listed(app::list_timers(&ctx, &path.user()?).await?))
}

/// Add a timer
///
/// Its command runs as the account's user in the account's control group, never twice at the same time. What
/// is missed while the server is off is not made up.
#[utoipa::path(
    post, path = "/users/{user}/timers", tag = "Timers", operation_id = "add_timer",
    params(UserParam, ChangeParams, IdempotencyParam),
    request_body = AddTimerBody,
    responses((status = 201, description = "The new timer", body = TimerView)),
    extensions(("x-problems" = json!([
        "user_not_found", "account_missing", "schedule_invalid", "email_invalid", "timer_taken",
        "timers_not_included", "limit_exceeded"
    ]))),
)]
pub(super) async fn add(
    Caller(ctx): Caller,
    DryRun(mode): DryRun,
    path: PathParts,
    JsonFields(fields): JsonFields,
) -> Answer {
    let user = path.user()?;
    let command = AddTimer::parse(fields)?;
    let outcome = app::add_timer(&ctx, &user, command, mode).await?;
    Ok(answer::created(&outcome, |timer| format!("/api/v1/users/{user}/timers/{}", timer.name)))
}

/// Show a timer with its last run
#[utoipa::path(
    get, path = "/users/{user}/timers/{timer}", tag = "Timers", operation_id = "show_timer",
    params(UserParam, TimerParam),
    responses((status = 200, description = "The timer", body = TimerView)),
    extensions(("x-problems" = json!(["user_not_found", "account_missing", "timer_not_found"]))),
)]
pub(super) async fn show(Caller(ctx): Caller, _: NoQuery, path: PathParts) -> Answer {
    Ok(answer::read(&app::show_timer(&ctx, &path.user()?, &path.timer()?).await?))
}

/// Change a timer
///
/// A run that is under way goes on as it was started.
#[utoipa::path(
    patch, path = "/users/{user}/timers/{timer}", tag = "Timers", operation_id = "edit_timer",
    params(UserParam, TimerParam, ChangeParams, IdempotencyParam),
    request_body = EditTimerBody,
    responses((status = 200, description = "The timer after the change", body = TimerView)),
    extensions(("x-problems" = json!([
        "user_not_found", "account_missing", "timer_not_found", "schedule_invalid", "email_invalid"
    ]))),
)]
pub(super) async fn edit(
    Caller(ctx): Caller,
    DryRun(mode): DryRun,
    path: PathParts,
    JsonFields(fields): JsonFields,
) -> Answer {
    let (user, timer) = (path.user()?, path.timer()?);
    let command = EditTimer::parse(fields)?;
    Ok(answer::changed(&app::edit_timer(&ctx, &user, &timer, command, mode).await?))
}

/// Remove a timer
///
/// A run that is under way goes on.
#[utoipa::path(
    delete, path = "/users/{user}/timers/{timer}", tag = "Timers", operation_id = "remove_timer",
    params(UserParam, TimerParam, ChangeParams, IdempotencyParam),
    responses((status = 204, description = "It is removed")),
    extensions(("x-problems" = json!(["user_not_found", "account_missing", "timer_not_found"]))),
)]
pub(super) async fn remove(Caller(ctx): Caller, DryRun(mode): DryRun, path: PathParts) -> Answer {
    let (user, timer) = (path.user()?, path.timer()?);
    Ok(answer::removed(&app::remove_timer(&ctx, &user, &timer, mode).await?))
}

/// List the last runs of a timer with what they said
#[utoipa::path(
    get, path = "/users/{user}/timers/{timer}/runs", tag = "Timers", operation_id = "list_timer_runs",
    params(UserParam, TimerParam),
    responses((status = 200, description = "At most ten, the newest first", body = Page<TimerRunView>)),
    extensions(("x-problems" = json!(["user_not_found", "account_missing", "timer_not_found"]))),
)]
pub(super) async fn runs(Caller(ctx): Caller, _: NoQuery, path: PathParts) -> Answer {
    Ok(answer::listed(app::list_timer_runs(&ctx, &path.user()?, &path.timer()?).await?))
}

/// Run a timer now
///
/// Also one that is disabled. While it runs already, nothing happens.
#[utoipa::path(
    post, path = "/users/{user}/timers/{timer}/run", tag = "Timers", operation_id = "run_timer",
    params(UserParam, TimerParam, ChangeParams, IdempotencyParam),
    responses((status = 200, description = "The timer; the run appears in its list", body = TimerView)),
    extensions(("x-problems" = json!([
        "user_not_found", "account_missing", "timer_not_found", "timers_not_included"
    ]))),
)]
pub(super) async fn run(
    Caller(ctx): Caller,
    DryRun(mode): DryRun,
    path: PathParts,
    JsonFields(fields): JsonFields,
) -> Answer {
    fields.finish().into_result()?;
    let (user, timer) = (path.user()?, path.timer()?);
    Ok(answer::changed(&app::run_timer(&ctx, &user, &timer, mode).await?))
}
