use berth_core::mode::Mode;
use berth_core::name::PackageName;
use berth_core::policy::Action;
use berth_core::view::ChangeKind;
use berth_core::{Code, Problem, Problems};
use berth_store::{StoreError, packages};
use serde_json::json;

use super::audited::audit;
use super::authorize::{Target, authorize};
use super::context::Ctx;
use super::known;
use super::outcome::{Outcome, one_change};
use super::problem::{Failure, retrying};
use super::subject::matches_version;

/// Deletes a package that no account uses.
///
/// # Errors
/// `package_not_found`, `package_in_use`, `precondition_failed`.
pub async fn delete_package(ctx: &Ctx, name: &PackageName, mode: Mode) -> Result<Outcome<()>, Problems> {
    authorize(ctx, Action::PackageDelete, &Target::installation(name.as_str())).await?;
    retrying!(&ctx.app, attempt(ctx, name, mode))
}

async fn attempt(ctx: &Ctx, name: &PackageName, mode: Mode) -> Result<Outcome<()>, Failure> {
    let mut tx = ctx.open(mode).await?;
    let package = known::package(&mut tx, name).await?;
    matches_version(ctx.if_match, package.version)?;
    let accounts = packages::accounts(&mut tx, package.id).await?;
    if accounts > 0 {
        return Err(in_use(name, &accounts.to_string()).into());
    }
    let plan = || one_change(ChangeKind::Remove, "package", name.as_str(), None);
    if let Some(answer) = Outcome::of_dry_run(mode, plan) {
        return Ok(answer);
    }
    match packages::delete(&mut tx, package.id).await {
        // An account was created with it between the count and now.
        Err(StoreError::Reference { .. }) => return Err(in_use(name, "some").into()),
        other => other?,
    };
    let detail = json!({ "limits": package.limits, "features": package.features });
    audit(ctx, &mut tx, Action::PackageDelete, name.as_str(), None, detail).await?;
    tx.commit().await?;
    Ok(Outcome::Done(()))
}

fn in_use(name: &PackageName, count: &str) -> Problem {
    let noun = if count == "1" { "account uses" } else { "accounts use" };
    Problem::new(Code::PackageInUse, format!("{count} {noun} the package {name}"))
        .hint(format!("give them another package first; `berth user list --package {name}` shows them"))
}
