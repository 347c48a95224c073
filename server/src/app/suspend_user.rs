use berth_core::command::SuspendUser;
use berth_core::mode::Mode;
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::suspension::Suspension;
use berth_core::view::{ChangeKind, PlanView, UserView};
use berth_core::{Code, Problem, Problems};
use berth_store::suspensions;
use serde_json::json;

use super::audited::audit;
use super::context::Ctx;
use super::life::{authority, close_sign_in, leaves_an_admin, stamp_accounts, surfaces};
use super::outcome::{Outcome, planned};
use super::problem::{Failure, retrying};
use super::subject::Subject;
use super::view::user_view;

/// Closes what belongs to a user, for a reason. A second suspension for the same reason takes the place of the
/// first; for another reason it comes on top.
///
/// # Errors
/// `user_not_found`, `user_in_trash`, `self_change`, `last_admin`, `forbidden` for a reason that the actor may
/// not give, `suspension_foreign`, `value_invalid` for an end in the past, `precondition_failed`.
pub async fn suspend_user(
    ctx: &Ctx,
    user: &UserRef,
    command: SuspendUser,
    mode: Mode,
) -> Result<Outcome<UserView>, Problems> {
    let subject = Subject::authorized(ctx, Action::UserSuspend, user).await?;
    let outcome = retrying!(&ctx.app, attempt(ctx, &subject, &command, mode))?;
    if let Outcome::Done(_) = outcome {
        ctx.app.notifier.signal();
    }
    Ok(outcome)
}

async fn attempt(
    ctx: &Ctx,
    subject: &Subject,
    command: &SuspendUser,
    mode: Mode,
) -> Result<Outcome<UserView>, Failure> {
    let now = ctx.app.clock.now();
    let mut tx = ctx.open(mode).await?;
    let subject = subject.again(&mut tx).await?;
    subject.is_version(ctx.if_match)?;
    let suspension = Suspension {
        reason: command.reason,
        level: command.level,
        by: authority(&ctx.actor, &subject.user),
        since: now,
        until: command.until.map(|until| until.0),
        message: command.message.clone(),
    };
    check(&subject, &suspension)?;
    if suspension.closes_sign_in() {
        leaves_an_admin(&mut tx, &subject.user, mode).await?;
    }
    let mut after = subject.user.life.clone();
    let former = after.suspensions.place(suspension.clone());
    let same =
        former.as_ref().is_some_and(|former| Suspension { since: now, ..former.clone() } == suspension);
    let (old, new) = (subject.user.life.standing(), after.standing());
    if let Some(answer) = Outcome::of_dry_run(mode, || {
        let kind = if same { ChangeKind::Keep } else { ChangeKind::Change };
        let detail = Some(format!("{}, level {}", suspension.reason, suspension.level));
        let mut changes = vec![planned(kind, "suspension", subject.name(), detail)];
        if suspension.closes_sign_in() {
            let closed = Some("panel, sessions and API keys are closed".to_owned());
            changes.push(planned(kind, "sign-in", subject.name(), closed));
        }
        changes.extend(surfaces(&subject, old, new));
        PlanView { changes, limits: None }
    }) {
        return Ok(answer);
    }
    if same {
        return Ok(Outcome::Done(user_view(subject.user, subject.account)?));
    }
    suspensions::place(&mut tx, subject.user.id, &suspension).await?;
    if suspension.closes_sign_in() {
        close_sign_in(&mut tx, &subject.user).await?;
    }
    if old != new {
        stamp_accounts(&mut tx, &subject.user).await?;
    }
    let detail = json!({ "suspension": suspension, "former": former });
    audit(ctx, &mut tx, Action::UserSuspend, subject.name(), Some(subject.user.id), detail).await?;
    let after = subject.again(&mut tx).await?;
    tx.commit().await?;
    Ok(Outcome::Done(user_view(after.user, after.account)?))
}

fn check(subject: &Subject, suspension: &Suspension) -> Result<(), Problem> {
    let by = suspension.by;
    if !by.may_suspend(suspension.reason) {
        return Err(Problem::new(
            Code::SelfChange,
            format!("nobody suspends themself for the reason {}", suspension.reason),
        )
        .at("reason")
        .hint("use the reason `owner`, which leaves you the way in to lift it again"));
    }
    if let Some(former) = subject.user.life.suspensions.of(suspension.reason)
        && !by.may_lift(former)
    {
        return Err(foreign(former));
    }
    match suspension.until {
        Some(until) if until <= suspension.since => {
            Err(Problem::new(Code::ValueInvalid, "the end lies in the past")
                .at("until")
                .hint("name a moment to come"))
        }
        _ => Ok(()),
    }
}

/// The answer to somebody who may not touch a suspension.
pub(super) fn foreign(suspension: &Suspension) -> Problem {
    Problem::new(
        Code::SuspensionForeign,
        format!("the suspension for {} was made by an {}", suspension.reason, suspension.by),
    )
    .at("reason")
}
