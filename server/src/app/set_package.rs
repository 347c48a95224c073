use std::cmp::Ordering;

use berth_core::command::SetPackage;
use berth_core::mode::Mode;
use berth_core::package::{Bound, Bounds, Features};
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::view::{ChangeKind, PlanView, PlannedChange, UserView};
use berth_core::{Code, Problem, Problems};
use berth_store::packages::PackageRecord;
use berth_store::{Tx, accounts, packages};
use serde_json::{Map, Value, json};

use super::audited::audit;
use super::context::Ctx;
use super::known;
use super::outcome::{Outcome, planned};
use super::problem::{Failure, retrying};
use super::subject::Subject;
use super::usage::Usage;
use super::view::user_view;

/// Gives an account another package. One that allows less than the account uses is refused, unless the caller
/// insists: nothing is taken away then, but nothing can be added until there is room again.
///
/// # Errors
/// `user_not_found`, `account_missing`, `package_not_found`, `limit_exceeded` for each limit,
/// `precondition_failed`.
pub async fn set_package(
    ctx: &Ctx,
    user: &UserRef,
    command: SetPackage,
    mode: Mode,
) -> Result<Outcome<UserView>, Problems> {
    let subject = Subject::authorized(ctx, Action::UserSetPackage, user).await?;
    let outcome = retrying!(&ctx.app, attempt(ctx, &subject, &command, mode))?;
    if let Outcome::Done(_) = outcome {
        ctx.app.notifier.signal();
    }
    Ok(outcome)
}

async fn attempt(
    ctx: &Ctx,
    subject: &Subject,
    command: &SetPackage,
    mode: Mode,
) -> Result<Outcome<UserView>, Failure> {
    let mut tx = ctx.open(mode).await?;
    let subject = subject.again(&mut tx).await?;
    subject.is_version(ctx.if_match)?;
    let overview = subject.account()?;
    let account = &overview.account;
    let new = known::package(&mut tx, &command.package).await.map_err(at_package)?;
    let old = old_package(&mut tx, account.package).await?;
    let defaults = &ctx.app.settings.defaults;
    let (before, after) = (old.limits.resolve(defaults), new.limits.resolve(defaults));
    let usage = Usage::of(&mut tx, overview).await?;
    let exceeded: Vec<_> = usage.above(&after).collect();
    // A plan is what shows how much too small the package is, so it is not refused.
    if mode != Mode::Plan && !command.force && old.id != new.id && !exceeded.is_empty() {
        let mut problems = Problems::none();
        for (limit, bound, used) in &exceeded {
            problems.push(too_small(&new, limit, *bound, *used));
        }
        return Err(problems.into());
    }
    if let Some(answer) = Outcome::of_dry_run(mode, || {
        let mut changes = vec![planned(
            if old.id == new.id { ChangeKind::Keep } else { ChangeKind::Change },
            "package",
            subject.name(),
            Some(format!("{} → {}", old.name, new.name)),
        )];
        changes.extend(limit_changes(&before, &after, &usage));
        changes.extend(feature_changes(old.features, new.features));
        if !exceeded.is_empty() && !command.force && old.id != new.id {
            let detail = "refused unless `force` is set: the account uses more than the package allows";
            changes.push(planned(ChangeKind::Keep, "package", new.name.as_str(), Some(detail.to_owned())));
        }
        PlanView { changes, limits: Some(after) }
    }) {
        return Ok(answer);
    }
    if old.id == new.id {
        return Ok(Outcome::Done(user_view(subject.user, subject.account)?));
    }
    // The node's row is locked first, as an edit of a package does it, so that the two can't wait for each other.
    accounts::stamp(&mut tx, account.id).await?;
    accounts::set_package(&mut tx, account.id, new.id).await?;
    let over: Map<String, Value> =
        exceeded.iter().map(|(limit, _, used)| ((*limit).to_owned(), json!(used))).collect();
    let mut detail = json!({ "old": old.name, "new": new.name });
    if let (false, Some(detail)) = (over.is_empty(), detail.as_object_mut()) {
        detail.insert("exceeded".to_owned(), Value::Object(over));
    }
    audit(ctx, &mut tx, Action::UserSetPackage, subject.name(), Some(subject.user.id), detail).await?;
    let after = subject.again(&mut tx).await?;
    tx.commit().await?;
    Ok(Outcome::Done(user_view(after.user, after.account)?))
}

/// The problem of a package that is not there, said of the field that names it.
fn at_package(failure: Failure) -> Failure {
    match failure {
        Failure::Problems(problems) => {
            let mut named = Problems::none();
            for problem in problems {
                named.push(problem.at("package"));
            }
            named.into()
        }
        failure @ Failure::Store(_) => failure,
    }
}

async fn old_package(tx: &mut Tx, id: berth_core::id::PackageId) -> Result<PackageRecord, Failure> {
    packages::by_id(tx, id)
        .await?
        .ok_or_else(|| Problem::new(Code::Internal, "the account has no package").into())
}

fn too_small(package: &PackageRecord, limit: &str, bound: Bound, used: u64) -> Problem {
    Problem::new(
        Code::LimitExceeded,
        format!("the package {} allows {bound} {}, and {used} are in use", package.name, words(limit)),
    )
    .at("package")
    .hint("remove something, take a larger package, or send `force` to have it nevertheless")
}

/// What people call that which a limit counts.
fn words(limit: &str) -> &'static str {
    match limit {
        "disk_mb" => "MiB of disk space",
        "inodes" => "files and directories",
        "cpu_percent" => "percent of a core",
        "memory_mb" => "MiB of memory",
        "tasks" => "processes and threads",
        "io_mb_per_second" => "MiB per second",
        "domains" => "domains",
        "mailboxes" => "mailboxes",
        "databases" => "databases",
        "php_children" => "PHP requests at the same time",
        _ => "of it",
    }
}

/// A step for each limit that grows or shrinks, and for each that would be exceeded.
fn limit_changes(before: &Bounds, after: &Bounds, usage: &Usage) -> Vec<PlannedChange> {
    before
        .iter()
        .zip(after.iter())
        .filter_map(|((name, old), (_, new))| {
            let used = usage.get(name);
            let exceeded = used.filter(|used| !new.allows(*used));
            let how = match (compare(old, new), exceeded) {
                (_, Some(used)) => format!("exceeded: {used} in use"),
                (Ordering::Less, None) => "grows".to_owned(),
                (Ordering::Greater, None) => "shrinks".to_owned(),
                (Ordering::Equal, None) => return None,
            };
            let kind = if old == new { ChangeKind::Keep } else { ChangeKind::Change };
            Some(planned(kind, "limit", name, Some(format!("{old} → {new}, {how}"))))
        })
        .collect()
}

fn compare(old: Bound, new: Bound) -> Ordering {
    match (old, new) {
        (Bound::Unlimited, Bound::Unlimited) => Ordering::Equal,
        (Bound::Unlimited, Bound::Max(_)) => Ordering::Greater,
        (Bound::Max(_), Bound::Unlimited) => Ordering::Less,
        (Bound::Max(old), Bound::Max(new)) => old.cmp(&new),
    }
}

fn feature_changes(old: Features, new: Features) -> Vec<PlannedChange> {
    let word = |included: bool| if included { "included" } else { "not included; open sessions end" };
    let mut changes = Vec::new();
    let mut step = |name: &str, old: &str, new: &str| {
        if old != new {
            changes.push(planned(ChangeKind::Change, "feature", name, Some(format!("{old} → {new}"))));
        }
    };
    step("sftp", word(old.sftp), word(new.sftp));
    step("timers", old.timers.as_str(), new.timers.as_str());
    step("egress", old.egress.as_str(), new.egress.as_str());
    changes
}
