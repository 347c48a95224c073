use berth_core::Problems;
use berth_core::mode::Mode;
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::timer::TimerName;
use berth_core::view::{ChangeKind, TimerView};
use berth_store::{accounts, timers};
use serde_json::json;

use super::audited::audit;
use super::context::Ctx;
use super::idempotency::Request;
use super::known;
use super::outcome::{Outcome, one_change};
use super::problem::{Failure, retrying};
use super::subject::Subject;
use super::view::timer_view;

/// Has a timer run now, also one that does not run by itself. While it runs already, nothing happens.
///
/// # Errors
/// `user_not_found`, `account_missing`, `timer_not_found`, `timers_not_included`, `idempotency_conflict`.
pub async fn run_timer(
    ctx: &Ctx,
    user: &UserRef,
    name: &TimerName,
    mode: Mode,
) -> Result<Outcome<TimerView>, Problems> {
    let subject = Subject::authorized(ctx, Action::TimerRun, user).await?;
    let request = Request::new(ctx, Action::TimerRun, &(subject.user.id, name))?;
    let outcome = retrying!(&ctx.app, attempt(ctx, &subject, name, &request, mode))?;
    if let Outcome::Done(_) = outcome {
        ctx.app.notifier.signal();
    }
    Ok(outcome)
}

async fn attempt(
    ctx: &Ctx,
    subject: &Subject,
    name: &TimerName,
    request: &Request,
    mode: Mode,
) -> Result<Outcome<TimerView>, Failure> {
    let mut tx = ctx.open(mode).await?;
    if let Some(done) = request.replay(&mut tx, mode).await? {
        return Ok(Outcome::Done(done));
    }
    let subject = subject.again(&mut tx).await?;
    let account = &subject.account()?.account;
    let runs = known::timers_included(&mut tx, account).await?;
    let timer = known::timer(&mut tx, account, name).await?;
    let plan = || {
        let how = format!("runs once, now, as {}", account.username);
        one_change(ChangeKind::Change, "timer", name.as_str(), Some(how))
    };
    if let Some(answer) = Outcome::of_dry_run(mode, plan) {
        return Ok(answer);
    }
    let now = ctx.app.clock.now();
    timers::want_run(&mut tx, timer.id, now).await?;
    accounts::stamp(&mut tx, account.id).await?;
    let last = timers::runs(&mut tx, timer.id).await?.into_iter().next();
    let view = timer_view(timer, runs, last, now);
    request.remember(&mut tx, &view).await?;
    let detail = json!({ "account": account.username });
    audit(ctx, &mut tx, Action::TimerRun, name.as_str(), Some(subject.user.id), detail).await?;
    tx.commit().await?;
    Ok(Outcome::Done(view))
}
