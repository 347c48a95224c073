use std::collections::HashMap;

use berth_core::Problems;
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::view::TimerView;
use berth_store::timers;

use super::context::Ctx;
use super::known;
use super::problem::{Failure, retrying};
use super::subject::Subject;
use super::view::timer_view;

/// The timers of a user's account by name, each with its last run; none without an account.
///
/// # Errors
/// `user_not_found`.
pub async fn list_timers(ctx: &Ctx, user: &UserRef) -> Result<Vec<TimerView>, Problems> {
    let subject = Subject::authorized(ctx, Action::TimerRead, user).await?;
    retrying!(&ctx.app, attempt(ctx, &subject))
}

async fn attempt(ctx: &Ctx, subject: &Subject) -> Result<Vec<TimerView>, Failure> {
    let Some(overview) = &subject.account else { return Ok(Vec::new()) };
    let account = &overview.account;
    let mut tx = ctx.app.store.read().await?;
    let mode = known::timer_mode(&mut tx, account).await?;
    let last = timers::last_runs(&mut tx, account.id).await?;
    let mut last: HashMap<_, _> = last.into_iter().map(|run| (run.timer, run)).collect();
    let now = ctx.app.clock.now();
    let timers = timers::of_account(&mut tx, account.id).await?;
    Ok(timers
        .into_iter()
        .map(|timer| {
            let last_run = last.remove(&timer.id);
            timer_view(timer, mode, last_run, now)
        })
        .collect())
}
