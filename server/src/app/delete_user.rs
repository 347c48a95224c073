use berth_core::Problems;
use berth_core::mode::Mode;
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::standing::Standing;
use berth_core::view::{ChangeKind, PlanView, UserView};
use berth_store::trash;
use serde_json::json;

use super::audited::audit;
use super::context::Ctx;
use super::life::{close_sign_in, is_deletable, purge_at, stamp_accounts, surfaces};
use super::outcome::{Outcome, planned};
use super::problem::{Failure, retrying};
use super::subject::Subject;
use super::view::user_view;

/// Puts a user into the trash: everything is closed and sealed at once, and all of it can come back. Where
/// nothing is kept in the trash (`trash.days` is 0), the purge begins with it.
///
/// # Errors
/// `user_not_found`, `user_in_trash`, `self_change`, `last_admin`, `reseller_has_users`, `precondition_failed`.
pub async fn delete_user(ctx: &Ctx, user: &UserRef, mode: Mode) -> Result<Outcome<UserView>, Problems> {
    let subject = Subject::authorized(ctx, Action::UserDelete, user).await?;
    let outcome = retrying!(&ctx.app, attempt(ctx, &subject, mode))?;
    if let Outcome::Done(_) = outcome {
        ctx.app.notifier.signal();
    }
    Ok(outcome)
}

async fn attempt(ctx: &Ctx, subject: &Subject, mode: Mode) -> Result<Outcome<UserView>, Failure> {
    let now = ctx.app.clock.now();
    let mut tx = ctx.open(mode).await?;
    let subject = subject.again(&mut tx).await?;
    subject.is_version(ctx.if_match)?;
    is_deletable(ctx, &mut tx, &subject.user, mode).await?;
    let purge_at = purge_at(&mut tx, now).await?;
    let after = if purge_at.is_some() { Standing::Trashed } else { Standing::Purged };
    if let Some(answer) = Outcome::of_dry_run(mode, || {
        let kept = match purge_at {
            Some(until) => format!("kept in the trash until {}", until.format("%Y-%m-%d %H:%M UTC")),
            None => "purged at once: nothing is kept in the trash here".to_owned(),
        };
        let mut changes = vec![
            planned(ChangeKind::Remove, "user", subject.name(), Some(kept)),
            planned(
                ChangeKind::Remove,
                "sign-in",
                subject.name(),
                Some("panel, sessions and API keys are closed".to_owned()),
            ),
        ];
        changes.extend(surfaces(&subject, subject.user.life.standing(), after));
        PlanView { changes, limits: None }
    }) {
        return Ok(answer);
    }
    trash::delete(&mut tx, subject.user.id, now, purge_at.or(Some(now))).await?;
    close_sign_in(&mut tx, &subject.user).await?;
    stamp_accounts(&mut tx, &subject.user).await?;
    let detail = json!({ "email": subject.user.email, "purge_at": purge_at });
    audit(ctx, &mut tx, Action::UserDelete, subject.name(), Some(subject.user.id), detail).await?;
    let after = subject.even_in_trash().again(&mut tx).await?;
    tx.commit().await?;
    Ok(Outcome::Done(user_view(after.user, after.account)?))
}
