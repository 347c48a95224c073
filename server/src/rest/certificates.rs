//! `/users/{user}/certificates` and `/users/{user}/domains/{fqdn}/certificate`

use berth_core::view::{CertificateView, Page};

use super::answer::{self, Answer};
use super::caller::Caller;
use super::params::{ChangeParams, DomainParam, UserParam};
use super::path::PathParts;
use super::query::{DryRun, NoQuery};
use crate::app;

/// List where the certificates of a user's sites stand
#[utoipa::path(
    get, path = "/users/{user}/certificates", tag = "Certificates", operation_id = "list_certificates",
    params(UserParam),
    responses((status = 200, description = "One for each domain, in one page", body = Page<CertificateView>)),
    extensions(("x-problems" = json!(["user_not_found"]))),
)]
pub(super) async fn list(Caller(ctx): Caller, _: NoQuery, path: PathParts) -> Answer {
    Ok(answer::listed(app::list_certificates(&ctx, &path.user()?).await?))
}

/// Show where the certificate of a site stands
#[utoipa::path(
    get, path = "/users/{user}/domains/{fqdn}/certificate", tag = "Certificates",
    operation_id = "show_certificate",
    params(UserParam, DomainParam),
    responses((status = 200, description = "Where it stands", body = CertificateView)),
    extensions(("x-problems" = json!(["user_not_found", "account_missing", "domain_not_found"]))),
)]
pub(super) async fn show(Caller(ctx): Caller, _: NoQuery, path: PathParts) -> Answer {
    let (user, fqdn) = (path.user()?, path.domain()?);
    Ok(answer::read(&app::show_certificate(&ctx, &user, &fqdn).await?))
}

/// Order a new certificate now
///
/// Berth renews certificates by itself. The present one serves until the new one is there.
#[utoipa::path(
    post, path = "/users/{user}/domains/{fqdn}/certificate/renew", tag = "Certificates",
    operation_id = "renew_certificate",
    params(UserParam, DomainParam, ChangeParams),
    responses((status = 200, description = "Where it stands", body = CertificateView)),
    extensions(("x-problems" = json!([
        "user_not_found", "account_missing", "domain_not_found", "domain_unproven", "acme_off"
    ]))),
)]
pub(super) async fn renew(Caller(ctx): Caller, DryRun(mode): DryRun, path: PathParts) -> Answer {
    let (user, fqdn) = (path.user()?, path.domain()?);
    Ok(answer::changed(&app::renew_certificate(&ctx, &user, &fqdn, mode).await?))
}
