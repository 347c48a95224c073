use berth_core::command::AddTimer;
use berth_core::id::TimerId;
use berth_core::mode::Mode;
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::spec::TimerSpec;
use berth_core::timer::TIMERS_MAX;
use berth_core::view::{ChangeKind, TimerView};
use berth_core::{Code, Problem, Problems};
use berth_store::timers::TimerRecord;
use berth_store::{accounts, timers};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::audited::audit;
use super::context::Ctx;
use super::idempotency::Request;
use super::known;
use super::outcome::{Outcome, one_change};
use super::problem::{Failure, retrying};
use super::subject::Subject;
use super::view::timer_view;

/// Adds a timer to an account.
///
/// # Errors
/// `user_not_found`, `account_missing`, `timers_not_included`, `timer_taken`, `limit_exceeded`,
/// `idempotency_conflict`.
pub async fn add_timer(
    ctx: &Ctx,
    user: &UserRef,
    command: AddTimer,
    mode: Mode,
) -> Result<Outcome<TimerView>, Problems> {
    let subject = Subject::authorized(ctx, Action::TimerAdd, user).await?;
    let said = (subject.user.id, &command);
    let request = Request::with_secret(ctx, Action::TimerAdd, &said, command.command.as_str())?;
    let outcome = retrying!(&ctx.app, attempt(ctx, &subject, &command, &request, mode))?;
    if let Outcome::Done(_) = outcome {
        ctx.app.notifier.signal();
    }
    Ok(outcome)
}

async fn attempt(
    ctx: &Ctx,
    subject: &Subject,
    command: &AddTimer,
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
    if timers::by_name(&mut tx, account.id, &command.name).await?.is_some() {
        let detail = format!("{} has a timer {} already", account.username, command.name);
        return Err(Problem::new(Code::TimerTaken, detail).at("name").into());
    }
    if timers::count(&mut tx, account.id).await? >= TIMERS_MAX {
        let detail = format!("{} has {TIMERS_MAX} timers, which is the most", account.username);
        return Err(Problem::new(Code::LimitExceeded, detail).hint("remove a timer first").into());
    }
    let plan = || {
        let when = format!("{} (UTC), as {}, {}", command.schedule, account.username, runs.as_str());
        one_change(ChangeKind::Create, "timer", command.name.as_str(), Some(when))
    };
    if let Some(answer) = Outcome::of_dry_run(mode, plan) {
        return Ok(answer);
    }
    let now = ctx.app.clock.now();
    let timer = TimerRecord {
        id: TimerId::new(now, ctx.app.randomness.ten()),
        account: account.id,
        spec: TimerSpec {
            name: command.name.clone(),
            schedule: command.schedule.clone(),
            command: command.command.clone(),
            enabled: command.enabled,
            timeout_s: command.timeout,
            run_wanted_at: None,
        },
        mail_on_failure: command.mail_on_failure.clone(),
        failure_mailed_at: None,
        created_at: now,
    };
    timers::insert(&mut tx, &timer).await?;
    accounts::stamp(&mut tx, account.id).await?;
    let mut detail = traced(&timer);
    if let Some(detail) = detail.as_object_mut() {
        detail.insert("account".to_owned(), json!(account.username));
    }
    let view = timer_view(timer, runs, None, now);
    request.remember(&mut tx, &view).await?;
    audit(ctx, &mut tx, Action::TimerAdd, command.name.as_str(), Some(subject.user.id), detail).await?;
    tx.commit().await?;
    Ok(Outcome::Done(view))
}

/// What the audit log keeps of a timer. A command may hold a secret: its length and hash say whether it was
/// changed, and not what it is.
pub(super) fn traced(timer: &TimerRecord) -> Value {
    let command = timer.spec.command.as_str();
    json!({
        "schedule": timer.spec.schedule,
        "command": { "bytes": command.len(), "sha256": hex::encode(Sha256::digest(command)) },
        "mail_on_failure": timer.mail_on_failure,
        "enabled": timer.spec.enabled,
        "timeout_s": timer.spec.timeout_s,
    })
}
