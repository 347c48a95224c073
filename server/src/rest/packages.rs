//! `/packages`

use berth_core::command::{CreatePackage, EditPackage};
use berth_core::view::{PackageView, Page};

use super::answer::{self, Answer};
use super::bodies::{CreatePackageBody, EditPackageBody};
use super::body::JsonFields;
use super::caller::Caller;
use super::params::{ChangeParams, IdempotencyParam, IfMatchParam, PackageParam};
use super::path::PathParts;
use super::query::{DryRun, NoQuery};
use crate::app;

/// List packages
#[utoipa::path(
    get, path = "/packages", tag = "Packages", operation_id = "list_packages",
    responses((status = 200, description = "All of them, in one page", body = Page<PackageView>)),
    extensions(("x-problems" = json!([]))),
)]
pub(super) async fn list(Caller(ctx): Caller, _: NoQuery) -> Answer {
    Ok(answer::listed(app::list_packages(&ctx).await?))
}

/// Create a package
#[utoipa::path(
    post, path = "/packages", tag = "Packages", operation_id = "create_package",
    params(ChangeParams, IdempotencyParam),
    request_body = CreatePackageBody,
    responses((status = 201, description = "The new package", body = PackageView)),
    extensions(("x-problems" = json!(["package_name_invalid", "package_taken", "limit_invalid"]))),
)]
pub(super) async fn create(
    Caller(ctx): Caller,
    DryRun(mode): DryRun,
    JsonFields(fields): JsonFields,
) -> Answer {
    let command = CreatePackage::parse(fields)?;
    let outcome = app::create_package(&ctx, command, mode).await?;
    Ok(answer::created(&outcome, |package| format!("/api/v1/packages/{}", package.name)))
}

/// Show a package
#[utoipa::path(
    get, path = "/packages/{package}", tag = "Packages", operation_id = "show_package",
    params(PackageParam),
    responses((status = 200, description = "The package", body = PackageView,
        headers(("ETag" = String, description = "The version, for If-Match")))),
    extensions(("x-problems" = json!(["package_not_found"]))),
)]
pub(super) async fn show(Caller(ctx): Caller, _: NoQuery, path: PathParts) -> Answer {
    let package = app::show_package(&ctx, &path.package()?).await?;
    Ok(answer::versioned(&package, package.version))
}

/// Change a package
///
/// What is not named stays. Every account that has the package follows.
#[utoipa::path(
    patch, path = "/packages/{package}", tag = "Packages", operation_id = "edit_package",
    params(PackageParam, ChangeParams, IdempotencyParam, IfMatchParam),
    request_body = EditPackageBody,
    responses((status = 200, description = "The package after the change", body = PackageView,
        headers(("ETag" = String, description = "The new version")))),
    extensions(("x-problems" = json!(["package_not_found", "limit_invalid", "precondition_failed"]))),
)]
pub(super) async fn edit(
    Caller(ctx): Caller,
    DryRun(mode): DryRun,
    path: PathParts,
    JsonFields(fields): JsonFields,
) -> Answer {
    let package = path.package()?;
    let command = EditPackage::parse(fields)?;
    Ok(answer::edited(&app::edit_package(&ctx, &package, command, mode).await?, |package| package.version))
}

/// Delete a package
///
/// Refused while an account has it.
#[utoipa::path(
    delete, path = "/packages/{package}", tag = "Packages", operation_id = "delete_package",
    params(PackageParam, ChangeParams, IdempotencyParam),
    responses((status = 204, description = "It is deleted")),
    extensions(("x-problems" = json!(["package_not_found", "package_in_use"]))),
)]
pub(super) async fn delete(Caller(ctx): Caller, DryRun(mode): DryRun, path: PathParts) -> Answer {
    let package = path.package()?;
    Ok(answer::removed(&app::delete_package(&ctx, &package, mode).await?))
}
