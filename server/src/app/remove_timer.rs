use berth_core::Problems;
use berth_core::mode::Mode;
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::timer::TimerName;
use berth_core::view::ChangeKind;
use berth_store::{accounts, timers};
use serde_json::json;

use super::add_timer::traced;
use super::audited::audit;
use super::context::Ctx;
use super::known;
use super::outcome::{Outcome, one_change};
use super::problem::{Failure, retrying};
use super::subject::Subject;

/// Removes a timer with what is known of its runs. A run that is under way goes on.
///
/// # Errors
/// `user_not_found`, `account_missing`, `timer_not_found`.
pub async fn remove_timer(
    ctx: &Ctx,
    user: &UserRef,
    name: &TimerName,
    mode: Mode,
) -> Result<Outcome<()>, Problems> {
    let subject = Subject::authorized(ctx, Action::TimerRemove, user).await?;
    let outcome = retrying!(&ctx.app, attempt(ctx, &subject, name, mode))?;
    if let Outcome::Done(()) = outcome {
        ctx.app.notifier.signal();
    }
    Ok(outcome)
}

async fn attempt(ctx: &Ctx, subject: &Subject, name: &TimerName, mode: Mode) -> Result<Outcome<()>, Failure> {
    let mut tx = ctx.open(mode).await?;
    let subject = subject.again(&mut tx).await?;
    let account = &subject.account()?.account;
    let timer = known::timer(&mut tx, account, name).await?;
    let plan = || {
        let what = "with its last runs; one that is under way goes on".to_owned();
        one_change(ChangeKind::Remove, "timer", name.as_str(), Some(what))
    };
    if let Some(answer) = Outcome::of_dry_run(mode, plan) {
        return Ok(answer);
    }
    timers::remove(&mut tx, timer.id).await?;
    accounts::stamp(&mut tx, account.id).await?;
    let detail = json!({ "account": account.username, "old": traced(&timer) });
    audit(ctx, &mut tx, Action::TimerRemove, name.as_str(), Some(subject.user.id), detail).await?;
    tx.commit().await?;
    Ok(Outcome::Done(()))
}
