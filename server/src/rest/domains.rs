//! `/users/{user}/domains`

use berth_core::command::{AddDomain, EditDomain};
use berth_core::view::{DomainView, Page};

use super::answer::{self, Answer};
use super::bodies::{AddDomainBody, EditDomainBody};
use super::body::JsonFields;
use super::caller::Caller;
use super::params::{ChangeParams, DomainParam, IdempotencyParam, UserParam};
use super::path::PathParts;
use super::query::{DryRun, NoQuery};
use crate::app;

/// List the domains of a user
#[utoipa::path(
    get, path = "/users/{user}/domains", tag = "Domains", operation_id = "list_domains",
    params(UserParam),
    responses((status = 200, description = "All of them, in one page", body = Page<DomainView>)),
    extensions(("x-problems" = json!(["user_not_found", "account_missing"]))),
)]
pub(super) async fn list(Caller(ctx): Caller, _: NoQuery, path: PathParts) -> Answer {
    Ok(answer::listed(app::list_domains(&ctx, &path.user()?).await?))
}

/// Add a domain with its site
#[utoipa::path(
    post, path = "/users/{user}/domains", tag = "Domains", operation_id = "add_domain",
    params(UserParam, ChangeParams, IdempotencyParam),
    request_body = AddDomainBody,
    responses((status = 201, description = "The new domain", body = DomainView)),
    extensions(("x-problems" = json!([
        "user_not_found", "account_missing", "domain_invalid", "domain_taken", "limit_exceeded"
    ]))),
)]
pub(super) async fn add(
    Caller(ctx): Caller,
    DryRun(mode): DryRun,
    path: PathParts,
    JsonFields(fields): JsonFields,
) -> Answer {
    let user = path.user()?;
    let command = AddDomain::parse(fields)?;
    let outcome = app::add_domain(&ctx, &user, command, mode).await?;
    Ok(answer::created(&outcome, |domain| format!("/api/v1/users/{user}/domains/{}", domain.fqdn)))
}

/// Show a domain
///
/// As long as its ownership is not proven, `ownership` says how to prove it.
#[utoipa::path(
    get, path = "/users/{user}/domains/{fqdn}", tag = "Domains", operation_id = "show_domain",
    params(UserParam, DomainParam),
    responses((status = 200, description = "The domain", body = DomainView)),
    extensions(("x-problems" = json!(["user_not_found", "account_missing", "domain_not_found"]))),
)]
pub(super) async fn show(Caller(ctx): Caller, _: NoQuery, path: PathParts) -> Answer {
    let (user, fqdn) = (path.user()?, path.domain()?);
    Ok(answer::read(&app::show_domain(&ctx, &user, &fqdn).await?))
}

/// Look for the proof of a domain's ownership now
#[utoipa::path(
    post, path = "/users/{user}/domains/{fqdn}/verify", tag = "Domains", operation_id = "verify_domain",
    params(UserParam, DomainParam, ChangeParams),
    responses((status = 200, description = "The domain, which is active now", body = DomainView)),
    extensions(("x-problems" = json!([
        "user_not_found", "account_missing", "domain_not_found", "domain_unproven"
    ]))),
)]
pub(super) async fn verify(Caller(ctx): Caller, DryRun(mode): DryRun, path: PathParts) -> Answer {
    let (user, fqdn) = (path.user()?, path.domain()?);
    Ok(answer::changed(&app::verify_domain(&ctx, &user, &fqdn, mode).await?))
}

/// Vouch for a domain's ownership
#[utoipa::path(
    post, path = "/users/{user}/domains/{fqdn}/approve", tag = "Domains", operation_id = "approve_domain",
    params(UserParam, DomainParam, ChangeParams),
    responses((status = 200, description = "The domain, which is active now", body = DomainView)),
    extensions(("x-problems" = json!(["user_not_found", "account_missing", "domain_not_found"]))),
)]
pub(super) async fn approve(Caller(ctx): Caller, DryRun(mode): DryRun, path: PathParts) -> Answer {
    let (user, fqdn) = (path.user()?, path.domain()?);
    Ok(answer::changed(&app::approve_domain(&ctx, &user, &fqdn, mode).await?))
}

/// Change the settings of a domain's site
#[utoipa::path(
    patch, path = "/users/{user}/domains/{fqdn}", tag = "Domains", operation_id = "edit_domain",
    params(UserParam, DomainParam, ChangeParams, IdempotencyParam),
    request_body = EditDomainBody,
    responses((status = 200, description = "The domain after the change", body = DomainView)),
    extensions(("x-problems" = json!(["user_not_found", "account_missing", "domain_not_found"]))),
)]
pub(super) async fn edit(
    Caller(ctx): Caller,
    DryRun(mode): DryRun,
    path: PathParts,
    JsonFields(fields): JsonFields,
) -> Answer {
    let (user, fqdn) = (path.user()?, path.domain()?);
    let command = EditDomain::parse(fields)?;
    Ok(answer::changed(&app::edit_domain(&ctx, &user, &fqdn, command, mode).await?))
}

/// Remove a domain
///
/// Its site is no longer served; its files stay in the home.
#[utoipa::path(
    delete, path = "/users/{user}/domains/{fqdn}", tag = "Domains", operation_id = "remove_domain",
    params(UserParam, DomainParam, ChangeParams, IdempotencyParam),
    responses((status = 204, description = "It is removed")),
    extensions(("x-problems" = json!([
        "user_not_found", "account_missing", "domain_not_found", "domain_primary"
    ]))),
)]
pub(super) async fn remove(Caller(ctx): Caller, DryRun(mode): DryRun, path: PathParts) -> Answer {
    let (user, fqdn) = (path.user()?, path.domain()?);
    Ok(answer::removed(&app::remove_domain(&ctx, &user, &fqdn, mode).await?))
}
