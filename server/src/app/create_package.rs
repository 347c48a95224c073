use berth_core::command::CreatePackage;
use berth_core::id::PackageId;
use berth_core::mode::Mode;
use berth_core::policy::Action;
use berth_core::view::{ChangeKind, PackageView};
use berth_core::{Code, Problem, Problems};
use berth_store::packages;
use berth_store::packages::PackageRecord;
use serde_json::json;

use super::audited::audit;
use super::authorize::{Target, authorize};
use super::context::Ctx;
use super::idempotency::Request;
use super::outcome::{Outcome, planned};
use super::problem::{Failure, retrying};
use super::view::package_view;

/// Creates a package.
///
/// # Errors
/// `package_taken`, `idempotency_conflict`.
pub async fn create_package(
    ctx: &Ctx,
    command: CreatePackage,
    mode: Mode,
) -> Result<Outcome<PackageView>, Problems> {
    authorize(ctx, Action::PackageCreate, &Target::installation(command.name.as_str())).await?;
    let request = Request::new(ctx, Action::PackageCreate, &command)?;
    retrying!(&ctx.app, attempt(ctx, &command, &request, mode))
}

async fn attempt(
    ctx: &Ctx,
    command: &CreatePackage,
    request: &Request,
    mode: Mode,
) -> Result<Outcome<PackageView>, Failure> {
    let mut tx = ctx.open(mode).await?;
    if let Some(done) = request.replay(&mut tx, mode).await? {
        return Ok(Outcome::Done(done));
    }
    if packages::by_name(&mut tx, &command.name).await?.is_some() {
        return Err(Problem::new(Code::PackageTaken, format!("a package named {} exists", command.name))
            .at("name")
            .into());
    }
    if let Some(answer) = Outcome::of_dry_run(mode, || berth_core::view::PlanView {
        changes: vec![planned(ChangeKind::Create, "package", command.name.as_str(), None)],
        limits: Some(command.limits.resolve(&ctx.app.settings.defaults)),
    }) {
        return Ok(answer);
    }
    let now = ctx.app.clock.now();
    let package = PackageRecord {
        id: PackageId::new(now, ctx.app.randomness.ten()),
        name: command.name.clone(),
        limits: command.limits,
        features: command.features,
        created_at: now,
        version: 1,
    };
    packages::insert(&mut tx, &package).await?;
    let detail = json!({ "limits": package.limits, "features": package.features });
    audit(ctx, &mut tx, Action::PackageCreate, package.name.as_str(), None, detail).await?;
    let view = package_view(package, 0);
    request.remember(&mut tx, &view).await?;
    tx.commit().await?;
    Ok(Outcome::Done(view))
}
