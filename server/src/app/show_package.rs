use berth_core::Problems;
use berth_core::name::PackageName;
use berth_core::policy::Action;
use berth_core::view::PackageView;
use berth_store::packages;

use super::authorize::{Target, authorize};
use super::context::Ctx;
use super::known;
use super::problem::{Failure, retrying};
use super::view::package_view;

/// Shows one package.
///
/// # Errors
/// `package_not_found`.
pub async fn show_package(ctx: &Ctx, name: &PackageName) -> Result<PackageView, Problems> {
    authorize(ctx, Action::PackageRead, &Target::installation(name.as_str())).await?;
    retrying!(&ctx.app, attempt(ctx, name))
}

async fn attempt(ctx: &Ctx, name: &PackageName) -> Result<PackageView, Failure> {
    let mut tx = ctx.app.store.read().await?;
    let package = known::package(&mut tx, name).await?;
    let accounts = packages::accounts(&mut tx, package.id).await?;
    Ok(package_view(package, accounts))
}
