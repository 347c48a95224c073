use berth_core::Problems;
use berth_core::command::EditTimer;
use berth_core::mode::Mode;
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::timer::TimerName;
use berth_core::view::{ChangeKind, PlanView, TimerView};
use berth_store::timers::TimerRecord;
use berth_store::{accounts, timers};
use serde_json::json;

use super::add_timer::traced;
use super::audited::audit;
use super::context::Ctx;
use super::known;
use super::outcome::{Outcome, planned};
use super::problem::{Failure, retrying};
use super::subject::Subject;
use super::view::timer_view;

/// Changes a timer. A run that is under way goes on as it was started.
///
/// # Errors
/// `user_not_found`, `account_missing`, `timer_not_found`.
pub async fn edit_timer(
    ctx: &Ctx,
    user: &UserRef,
    name: &TimerName,
    command: EditTimer,
    mode: Mode,
) -> Result<Outcome<TimerView>, Problems> {
    let subject = Subject::authorized(ctx, Action::TimerEdit, user).await?;
    let outcome = retrying!(&ctx.app, attempt(ctx, &subject, name, &command, mode))?;
    if let Outcome::Done(_) = outcome {
        ctx.app.notifier.signal();
    }
    Ok(outcome)
}

async fn attempt(
    ctx: &Ctx,
    subject: &Subject,
    name: &TimerName,
    command: &EditTimer,
    mode: Mode,
) -> Result<Outcome<TimerView>, Failure> {
    let mut tx = ctx.open(mode).await?;
    let subject = subject.again(&mut tx).await?;
    let account = &subject.account()?.account;
    let old = known::timer(&mut tx, account, name).await?;
    let runs = known::timer_mode(&mut tx, account).await?;
    let last = timers::runs(&mut tx, old.id).await?.into_iter().next();
    let new = changed(old.clone(), command);
    if let Some(answer) = Outcome::of_dry_run(mode, || plan(&old, &new)) {
        return Ok(answer);
    }
    let now = ctx.app.clock.now();
    if old != new {
        timers::update(&mut tx, &new).await?;
        accounts::stamp(&mut tx, account.id).await?;
        let detail = json!({ "account": account.username, "old": traced(&old), "new": traced(&new) });
        audit(ctx, &mut tx, Action::TimerEdit, name.as_str(), Some(subject.user.id), detail).await?;
        tx.commit().await?;
    }
    Ok(Outcome::Done(timer_view(new, runs, last, now)))
}

fn changed(mut timer: TimerRecord, command: &EditTimer) -> TimerRecord {
    let EditTimer { schedule, command, mail_on_failure, enabled, timeout } = command.clone();
    timer.spec.schedule = schedule.unwrap_or(timer.spec.schedule);
    timer.spec.command = command.unwrap_or(timer.spec.command);
    timer.spec.enabled = enabled.unwrap_or(timer.spec.enabled);
    timer.spec.timeout_s = timeout.unwrap_or(timer.spec.timeout_s);
    timer.mail_on_failure = mail_on_failure.unwrap_or(timer.mail_on_failure);
    timer
}

fn plan(old: &TimerRecord, new: &TimerRecord) -> PlanView {
    let from_to = |what: &str, old: String, new: String| {
        (old != new).then(|| planned(ChangeKind::Change, what, old, Some(format!("→ {new}"))))
    };
    let command = (old.spec.command != new.spec.command)
        .then(|| planned(ChangeKind::Change, "command", old.spec.name.as_str(), None));
    let word = |enabled: bool| if enabled { "enabled" } else { "disabled" }.to_owned();
    let seconds = |timer: &TimerRecord| format!("{} s", timer.spec.timeout_s.seconds());
    let changes = [
        from_to("schedule", old.spec.schedule.to_string(), new.spec.schedule.to_string()),
        command,
        from_to("mail_on_failure", old.mail_on_failure.to_string(), new.mail_on_failure.to_string()),
        from_to("timer", word(old.spec.enabled), word(new.spec.enabled)),
        from_to("timeout", seconds(old), seconds(new)),
    ];
    PlanView { changes: changes.into_iter().flatten().collect(), limits: None }
}
