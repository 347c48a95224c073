use berth_core::mode::Mode;
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::view::{ChangeKind, UserView};
use berth_core::{Code, Problem, Problems};
use berth_store::{accounts, packages};
use serde_json::json;

use super::audited::audit;
use super::context::Ctx;
use super::outcome::{Outcome, one_change};
use super::problem::{Failure, retrying};
use super::subject::Subject;
use super::view::user_view;

/// Switches file transfer of an account on or off. Off ends open sessions.
///
/// # Errors
/// `user_not_found`, `account_missing`, `sftp_not_included`, `precondition_failed`.
pub async fn set_sftp(
    ctx: &Ctx,
    user: &UserRef,
    enabled: bool,
    mode: Mode,
) -> Result<Outcome<UserView>, Problems> {
    let subject = Subject::authorized(ctx, Action::SftpSet, user).await?;
    let outcome = retrying!(&ctx.app, attempt(ctx, &subject, enabled, mode))?;
    if let Outcome::Done(_) = outcome {
        ctx.app.notifier.signal();
    }
    Ok(outcome)
}

async fn attempt(
    ctx: &Ctx,
    subject: &Subject,
    enabled: bool,
    mode: Mode,
) -> Result<Outcome<UserView>, Failure> {
    let mut tx = ctx.open(mode).await?;
    let subject = subject.again(&mut tx).await?;
    subject.is_version(ctx.if_match)?;
    let account = subject.account()?.account.clone();
    if enabled
        && let Some(package) = packages::by_id(&mut tx, account.package).await?
        && !package.features.sftp
    {
        return Err(Problem::new(
            Code::SftpNotIncluded,
            format!("the package {} does not include SFTP", package.name),
        )
        .at("enabled")
        .hint("change the package, or give the account another one")
        .into());
    }
    let old = account.sftp_enabled;
    if let Some(answer) = Outcome::of_dry_run(mode, || {
        let kind = if old == enabled { ChangeKind::Keep } else { ChangeKind::Change };
        let word = if enabled { "on" } else { "off; open sessions end" };
        one_change(kind, "sftp", subject.name(), Some(word.to_owned()))
    }) {
        return Ok(answer);
    }
    if old == enabled {
        return Ok(Outcome::Done(user_view(subject.user, subject.account)?));
    }
    accounts::set_sftp(&mut tx, account.id, enabled).await?;
    accounts::stamp(&mut tx, account.id).await?;
    audit(
        ctx,
        &mut tx,
        Action::SftpSet,
        subject.name(),
        Some(subject.user.id),
        json!({ "old": old, "new": enabled }),
    )
    .await?;
    let after = subject.again(&mut tx).await?;
    tx.commit().await?;
    Ok(Outcome::Done(user_view(after.user, after.account)?))
}
