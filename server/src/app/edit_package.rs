use berth_core::Problems;
use berth_core::command::EditPackage;
use berth_core::mode::Mode;
use berth_core::name::PackageName;
use berth_core::policy::Action;
use berth_core::view::{ChangeKind, PackageView, PlanView};
use berth_store::packages::PackageRecord;
use berth_store::{accounts, packages};
use serde_json::{Map, Value, json};

use super::audited::audit;
use super::authorize::{Target, authorize};
use super::context::Ctx;
use super::known;
use super::outcome::{Outcome, planned};
use super::problem::{Failure, retrying};
use super::subject::{changed, matches_version};
use super::view::package_view;

/// Changes a package, and with it every account that uses it.
///
/// # Errors
/// `package_not_found`, `precondition_failed`.
pub async fn edit_package(
    ctx: &Ctx,
    name: &PackageName,
    command: EditPackage,
    mode: Mode,
) -> Result<Outcome<PackageView>, Problems> {
    authorize(ctx, Action::PackageEdit, &Target::installation(name.as_str())).await?;
    let outcome = retrying!(&ctx.app, attempt(ctx, name, &command, mode))?;
    if let Outcome::Done(_) = outcome {
        ctx.app.notifier.signal();
    }
    Ok(outcome)
}

async fn attempt(
    ctx: &Ctx,
    name: &PackageName,
    command: &EditPackage,
    mode: Mode,
) -> Result<Outcome<PackageView>, Failure> {
    let mut tx = ctx.open(mode).await?;
    let old = known::package(&mut tx, name).await?;
    matches_version(ctx.if_match, old.version)?;
    let (limits, features) = command.apply(old.limits, old.features);
    let mut new = PackageRecord { limits, features, ..old.clone() };
    let accounts = packages::accounts(&mut tx, old.id).await?;
    let changes = differences(&old, &new);
    if let Some(answer) = Outcome::of_dry_run(mode, || PlanView {
        changes: changes
            .iter()
            .map(|(field, change)| {
                let detail = format!("{} → {}, for {accounts} accounts", change["old"], change["new"]);
                planned(ChangeKind::Change, "package", field.clone(), Some(detail))
            })
            .collect(),
        limits: Some(new.limits.resolve(&ctx.app.settings.defaults)),
    }) {
        return Ok(answer);
    }
    if changes.is_empty() {
        return Ok(Outcome::Done(package_view(old, accounts)));
    }
    new.version = packages::update(&mut tx, &new).await?.ok_or_else(changed)?;
    accounts::stamp_package(&mut tx, new.id).await?;
    audit(ctx, &mut tx, Action::PackageEdit, name.as_str(), None, Value::Object(changes)).await?;
    tx.commit().await?;
    Ok(Outcome::Done(package_view(new, accounts)))
}

/// Old and new value of everything that changes.
fn differences(old: &PackageRecord, new: &PackageRecord) -> Map<String, Value> {
    let limits = old
        .limits
        .iter()
        .zip(new.limits.iter())
        .map(|((name, old), (_, new))| (name, json!(old), json!(new)));
    let features = [
        ("sftp", json!(old.features.sftp), json!(new.features.sftp)),
        ("timers", json!(old.features.timers), json!(new.features.timers)),
        ("egress", json!(old.features.egress), json!(new.features.egress)),
    ];
    limits
        .chain(features)
        .filter(|(_, old, new)| old != new)
        .map(|(name, old, new)| (name.to_owned(), json!({ "old": old, "new": new })))
        .collect()
}
