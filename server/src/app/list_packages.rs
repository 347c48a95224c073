use berth_core::Problems;
use berth_core::policy::Action;
use berth_core::view::PackageView;
use berth_store::packages;

use super::authorize::{Target, authorize};
use super::context::Ctx;
use super::problem::{Failure, retrying};
use super::view::package_view;

/// Every package, by name, with how many accounts use it.
///
/// # Errors
/// `forbidden`.
pub async fn list_packages(ctx: &Ctx) -> Result<Vec<PackageView>, Problems> {
    authorize(ctx, Action::PackageRead, &Target::installation("packages")).await?;
    retrying!(&ctx.app, attempt(ctx))
}

async fn attempt(ctx: &Ctx) -> Result<Vec<PackageView>, Failure> {
    let mut tx = ctx.app.store.read().await?;
    let found = packages::list(&mut tx).await?;
    Ok(found.into_iter().map(|(package, accounts)| package_view(package, accounts)).collect())
}
