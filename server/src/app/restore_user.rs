use berth_core::mode::Mode;
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::standing::{Life, UserState};
use berth_core::view::{ChangeKind, PlanView, UserView};
use berth_core::{Code, Problem, Problems};
use berth_store::trash;
use serde_json::json;

use super::audited::audit;
use super::context::Ctx;
use super::life::{stamp_accounts, surfaces};
use super::outcome::{Outcome, planned};
use super::problem::{Failure, retrying};
use super::subject::Subject;
use super::view::user_view;

/// Brings a user back from the trash, as they were: numbers, keys, password, files. What was suspended before
/// is suspended again.
///
/// # Errors
/// `user_not_found`, `not_in_trash`, `user_purging`, `precondition_failed`.
pub async fn restore_user(ctx: &Ctx, user: &UserRef, mode: Mode) -> Result<Outcome<UserView>, Problems> {
    let subject = Subject::authorized(ctx, Action::UserRestore, user).await?;
    let outcome = retrying!(&ctx.app, attempt(ctx, &subject, mode))?;
    if let Outcome::Done(_) = outcome {
        ctx.app.notifier.signal();
    }
    Ok(outcome)
}

async fn attempt(ctx: &Ctx, subject: &Subject, mode: Mode) -> Result<Outcome<UserView>, Failure> {
    let mut tx = ctx.open(mode).await?;
    let subject = subject.again(&mut tx).await?;
    subject.is_version(ctx.if_match)?;
    match subject.user.life.state() {
        UserState::Trashed => {}
        UserState::Purging => return Err(purging(&subject).into()),
        UserState::Active | UserState::Suspended => {
            return Err(
                Problem::new(Code::NotInTrash, format!("{} is not in the trash", subject.name())).into()
            );
        }
    }
    let life = Life { deletion: None, ..subject.user.life.clone() };
    if let Some(answer) = Outcome::of_dry_run(mode, || {
        let detail = Some("with the same numbers, keys, password and files".to_owned());
        let mut changes = vec![planned(ChangeKind::Change, "user", subject.name(), detail)];
        changes.extend(surfaces(&subject, subject.user.life.standing(), life.standing()));
        PlanView { changes, limits: None }
    }) {
        return Ok(answer);
    }
    trash::restore(&mut tx, subject.user.id).await?;
    stamp_accounts(&mut tx, &subject.user).await?;
    let deleted_at = subject.user.life.deletion.map(|deletion| deletion.since);
    let detail = json!({ "deleted_at": deleted_at });
    audit(ctx, &mut tx, Action::UserRestore, subject.name(), Some(subject.user.id), detail).await?;
    let after = subject.again(&mut tx).await?;
    tx.commit().await?;
    Ok(Outcome::Done(user_view(after.user, after.account)?))
}

/// The answer for somebody of whom parts are gone already.
pub(super) fn purging(subject: &Subject) -> Problem {
    Problem::new(Code::UserPurging, format!("{} is being purged; parts are gone already", subject.name()))
}
