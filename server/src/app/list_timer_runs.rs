use berth_core::Problems;
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::timer::TimerName;
use berth_core::view::TimerRunView;
use berth_store::timers;

use super::context::Ctx;
use super::known;
use super::problem::{Failure, retrying};
use super::subject::Subject;
use super::view::timer_run_view;

/// The last runs of a timer with what they said, the newest first.
///
/// # Errors
/// `user_not_found`, `account_missing`, `timer_not_found`.
pub async fn list_timer_runs(
    ctx: &Ctx,
    user: &UserRef,
    name: &TimerName,
) -> Result<Vec<TimerRunView>, Problems> {
    let subject = Subject::authorized(ctx, Action::TimerRead, user).await?;
    retrying!(&ctx.app, attempt(ctx, &subject, name))
}

async fn attempt(ctx: &Ctx, subject: &Subject, name: &TimerName) -> Result<Vec<TimerRunView>, Failure> {
    let account = &subject.account()?.account;
    let mut tx = ctx.app.store.read().await?;
    let timer = known::timer(&mut tx, account, name).await?;
    Ok(timers::runs(&mut tx, timer.id).await?.into_iter().map(timer_run_view).collect())
}
