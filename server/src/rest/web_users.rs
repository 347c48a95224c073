//! `/domains/{fqdn}/web-users`

use berth_core::command::{AddWebUser, EditWebUser};
use berth_core::view::{Page, WebUserPrefsView, WebUserView};
use berth_core::{Code, Problem};

use super::answer::{self, Answer};
use super::bodies::{AddWebUserBody, EditWebUserBody, WebUserPrefsBody};
use super::body::JsonFields;
use super::caller::Caller;
use super::params::{ChangeParams, DomainParam, IdempotencyParam, WebUserParam};
use super::path::PathParts;
use super::problem::Refusal;
use super::query::{DryRun, NoQuery};
use crate::app::{self, SiteRef, WebUserRef};

/// List the web users of a site
#[utoipa::path(
    get, path = "/domains/{fqdn}/web-users", tag = "Web users", operation_id = "list_web_users",
    params(DomainParam),
    responses((status = 200, description = "All of them, in one page", body = Page<WebUserView>)),
    extensions(("x-problems" = json!(["domain_not_found"]))),
)]
pub(super) async fn list(Caller(ctx): Caller, _: NoQuery, path: PathParts) -> Answer {
    Ok(answer::listed(app::list_web_users(&ctx, &site(&path)?).await?))
}

/// Add a web user
///
/// A login for file transfer of its own, whose files are shown below `/~<login>/` of the site.
#[utoipa::path(
    post, path = "/domains/{fqdn}/web-users", tag = "Web users", operation_id = "add_web_user",
    params(DomainParam, ChangeParams, IdempotencyParam),
    request_body = AddWebUserBody,
    responses((status = 201, description = "The new web user", body = WebUserView)),
    extensions(("x-problems" = json!([
        "domain_not_found", "web_user_login_invalid", "web_user_taken", "password_invalid",
        "web_service_missing", "web_scripts_off", "limit_exceeded"
    ]))),
)]
pub(super) async fn add(
    Caller(ctx): Caller,
    DryRun(mode): DryRun,
    path: PathParts,
    JsonFields(fields): JsonFields,
) -> Answer {
    let site = site(&path)?;
    let command = AddWebUser::parse(fields)?;
    let outcome = app::add_web_user(&ctx, &site, command, mode).await?;
    Ok(answer::created(&outcome, |user| format!("/api/v1/domains/{site}/web-users/{}", user.login)))
}

/// Show a web user
#[utoipa::path(
    get, path = "/domains/{fqdn}/web-users/{login}", tag = "Web users", operation_id = "show_web_user",
    params(DomainParam, WebUserParam),
    responses((status = 200, description = "The web user", body = WebUserView)),
    extensions(("x-problems" = json!(["domain_not_found", "web_user_not_found"]))),
)]
pub(super) async fn show(Caller(ctx): Caller, _: NoQuery, path: PathParts) -> Answer {
    Ok(answer::read(&named(&ctx, &path).await?))
}

/// Change a web user
///
/// Another password ends the sessions that the former one has opened; an empty one locks.
#[utoipa::path(
    patch, path = "/domains/{fqdn}/web-users/{login}", tag = "Web users", operation_id = "edit_web_user",
    params(DomainParam, WebUserParam, ChangeParams, IdempotencyParam),
    request_body = EditWebUserBody,
    responses((status = 200, description = "The web user as they are now", body = WebUserView)),
    extensions(("x-problems" = json!([
        "domain_not_found", "web_user_not_found", "password_invalid", "web_service_missing",
        "web_scripts_off"
    ]))),
)]
pub(super) async fn edit(
    Caller(ctx): Caller,
    DryRun(mode): DryRun,
    path: PathParts,
    JsonFields(fields): JsonFields,
) -> Answer {
    let user = WebUserRef::Number(named(&ctx, &path).await?.id);
    let command = EditWebUser::parse(fields)?;
    Ok(answer::changed(&app::edit_web_user(&ctx, &user, command, mode).await?))
}

/// Delete a web user with all files
#[utoipa::path(
    delete, path = "/domains/{fqdn}/web-users/{login}", tag = "Web users", operation_id = "delete_web_user",
    params(DomainParam, WebUserParam, ChangeParams, IdempotencyParam),
    responses((status = 204, description = "They are deleted")),
    extensions(("x-problems" = json!(["domain_not_found", "web_user_not_found"]))),
)]
pub(super) async fn delete(Caller(ctx): Caller, DryRun(mode): DryRun, path: PathParts) -> Answer {
    let user = WebUserRef::Number(named(&ctx, &path).await?.id);
    Ok(answer::removed(&app::delete_web_user(&ctx, &user, mode).await?))
}

/// Show what the web users of a site may do
#[utoipa::path(
    get, path = "/domains/{fqdn}/web-user-preferences", tag = "Web users",
    operation_id = "show_web_user_preferences",
    params(DomainParam),
    responses((status = 200, description = "The preferences", body = WebUserPrefsView)),
    extensions(("x-problems" = json!(["domain_not_found"]))),
)]
pub(super) async fn preferences(Caller(ctx): Caller, _: NoQuery, path: PathParts) -> Answer {
    Ok(answer::read(&app::show_web_user_prefs(&ctx, &site(&path)?).await?))
}

/// Set what the web users of a site may do
///
/// While scripts are off, none of theirs runs, whatever their services are.
#[utoipa::path(
    put, path = "/domains/{fqdn}/web-user-preferences", tag = "Web users",
    operation_id = "set_web_user_preferences",
    params(DomainParam, ChangeParams, IdempotencyParam),
    request_body = WebUserPrefsBody,
    responses((status = 200, description = "The preferences as they are now", body = WebUserPrefsView)),
    extensions(("x-problems" = json!(["domain_not_found"]))),
)]
pub(super) async fn set_preferences(
    Caller(ctx): Caller,
    DryRun(mode): DryRun,
    path: PathParts,
    JsonFields(mut fields): JsonFields,
) -> Answer {
    let site = site(&path)?;
    let sent = fields.sent("scripts");
    let scripts = fields.optional_switch("scripts");
    let mut problems = fields.finish();
    if !sent {
        problems.push(Problem::new(Code::FieldMissing, "`scripts` is required").at("scripts"));
    }
    problems.into_result()?;
    let scripts = scripts.unwrap_or_default();
    Ok(answer::changed(&app::set_web_user_prefs(&ctx, &site, scripts, mode).await?))
}

fn site(path: &PathParts) -> Result<SiteRef, Refusal> {
    path.domain().map(SiteRef::Name)
}

/// The web user whom the path names, if they are the site's.
async fn named(ctx: &app::Ctx, path: &PathParts) -> Result<WebUserView, Refusal> {
    let login = path.web_user()?;
    let found = app::list_web_users(ctx, &site(path)?).await?;
    found
        .into_iter()
        .find(|user| user.login.key() == login.key())
        .ok_or_else(|| Refusal::new(Code::WebUserNotFound, format!("the site has no web user `{login}`")))
}
