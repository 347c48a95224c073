use berth_core::Problems;
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::timer::TimerName;
use berth_core::view::TimerView;
use berth_store::timers;

use super::context::Ctx;
use super::known;
use super::problem::{Failure, retrying};
use super::subject::Subject;
use super::view::timer_view;

/// A timer with its last run.
///
/// # Errors
/// `user_not_found`, `account_missing`, `timer_not_found`.
pub async fn show_timer(ctx: &Ctx, user: &UserRef, name: &TimerName) -> Result<TimerView, Problems> {
    let subject = Subject::authorized(ctx, Action::TimerRead, user).await?;
    retrying!(&ctx.app, attempt(ctx, &subject, name))
}

async fn attempt(ctx: &Ctx, subject: &Subject, name: &TimerName) -> Result<TimerView, Failure> {
    let account = &subject.account()?.account;
    let mut tx = ctx.app.store.read().await?;
    let timer = known::timer(&mut tx, account, name).await?;
    let mode = known::timer_mode(&mut tx, account).await?;
    let last = timers::runs(&mut tx, timer.id).await?.into_iter().next();
    Ok(timer_view(timer, mode, last, ctx.app.clock.now()))
}
