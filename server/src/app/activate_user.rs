use berth_core::mode::Mode;
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::suspension::SuspensionReason;
use berth_core::view::{ChangeKind, PlanView, UserView};
use berth_core::{Code, Problem, Problems};
use berth_store::suspensions;
use serde_json::json;

use super::audited::audit;
use super::context::Ctx;
use super::life::{authority, stamp_accounts, surfaces};
use super::outcome::{Outcome, planned};
use super::problem::{Failure, retrying};
use super::subject::Subject;
use super::suspend_user::foreign;
use super::view::user_view;

/// Takes one reason away, or, without a reason, all that the actor may lift but for what the owner has closed.
/// What is left goes on closing.
///
/// # Errors
/// `user_not_found`, `user_in_trash`, `not_suspended`, `suspension_foreign`, `precondition_failed`.
pub async fn activate_user(
    ctx: &Ctx,
    user: &UserRef,
    reason: Option<SuspensionReason>,
    mode: Mode,
) -> Result<Outcome<UserView>, Problems> {
    let subject = Subject::authorized(ctx, Action::UserActivate, user).await?;
    let outcome = retrying!(&ctx.app, attempt(ctx, &subject, reason, mode))?;
    if let Outcome::Done(_) = outcome {
        ctx.app.notifier.signal();
    }
    Ok(outcome)
}

async fn attempt(
    ctx: &Ctx,
    subject: &Subject,
    reason: Option<SuspensionReason>,
    mode: Mode,
) -> Result<Outcome<UserView>, Failure> {
    let mut tx = ctx.open(mode).await?;
    let subject = subject.again(&mut tx).await?;
    subject.is_version(ctx.if_match)?;
    let reasons = lifted(ctx, &subject, reason)?;
    let mut after = subject.user.life.clone();
    for reason in &reasons {
        after.suspensions.lift(*reason);
    }
    let (old, new) = (subject.user.life.standing(), after.standing());
    let left: Vec<_> = after.suspensions.iter().map(|left| left.reason).collect();
    if let Some(answer) = Outcome::of_dry_run(mode, || {
        let lifted =
            reasons.iter().map(|reason| planned(ChangeKind::Remove, "suspension", reason.to_string(), None));
        let kept =
            left.iter().map(|reason| planned(ChangeKind::Keep, "suspension", reason.to_string(), None));
        let changes = lifted.chain(kept).chain(surfaces(&subject, old, new)).collect();
        PlanView { changes, limits: None }
    }) {
        return Ok(answer);
    }
    for reason in &reasons {
        suspensions::lift(&mut tx, subject.user.id, *reason).await?;
    }
    if old != new {
        stamp_accounts(&mut tx, &subject.user).await?;
    }
    let detail = json!({ "lifted": reasons, "left": left });
    audit(ctx, &mut tx, Action::UserActivate, subject.name(), Some(subject.user.id), detail).await?;
    let after = subject.again(&mut tx).await?;
    tx.commit().await?;
    Ok(Outcome::Done(user_view(after.user, after.account)?))
}

/// The reasons that are taken away.
fn lifted(
    ctx: &Ctx,
    subject: &Subject,
    reason: Option<SuspensionReason>,
) -> Result<Vec<SuspensionReason>, Problem> {
    let stack = &subject.user.life.suspensions;
    let by = authority(&ctx.actor, &subject.user);
    if let Some(reason) = reason {
        let suspension = stack.of(reason).ok_or_else(|| {
            Problem::new(Code::NotSuspended, format!("{} is not suspended for {reason}", subject.name()))
                .at("reason")
        })?;
        return if by.may_lift(suspension) { Ok(vec![reason]) } else { Err(foreign(suspension)) };
    }
    let reasons = stack.liftable(by);
    match (reasons.is_empty(), stack.iter().next()) {
        (false, _) => Ok(reasons),
        (true, None) => Err(Problem::new(Code::NotSuspended, format!("{} is not suspended", subject.name()))),
        (true, Some(left)) if !by.may_lift(left) => Err(foreign(left)),
        (true, Some(left)) => Err(Problem::new(
            Code::NotSuspended,
            format!("{} is suspended for the reason {} only", subject.name(), left.reason),
        )
        .at("reason")
        .hint("the owner has closed it; name the reason `owner` to open it all the same")),
    }
}
