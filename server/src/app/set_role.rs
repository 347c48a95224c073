use berth_core::id::UserId;
use berth_core::mode::Mode;
use berth_core::policy::Action;
use berth_core::role::{Role, UserRef};
use berth_core::view::{ChangeKind, UserView};
use berth_core::{Code, Problem, Problems};
use berth_store::users;
use serde_json::json;

use super::audited::audit;
use super::context::Ctx;
use super::outcome::{Outcome, one_change};
use super::problem::{Failure, retrying};
use super::subject::Subject;
use super::view::user_view;

/// Changes what a user may do.
///
/// # Errors
/// `user_not_found`, `self_change`, `last_admin`, `precondition_failed`.
pub async fn set_role(
    ctx: &Ctx,
    user: &UserRef,
    role: Role,
    mode: Mode,
) -> Result<Outcome<UserView>, Problems> {
    let subject = Subject::authorized(ctx, Action::UserSetRole, user).await?;
    retrying!(&ctx.app, attempt(ctx, &subject, role, mode))
}

async fn attempt(ctx: &Ctx, subject: &Subject, role: Role, mode: Mode) -> Result<Outcome<UserView>, Failure> {
    let mut tx = ctx.open(mode).await?;
    let subject = if mode == Mode::Apply {
        // Locked before the role is read, so that two admins can't demote each other at the same moment.
        let admins = users::lock_admins(&mut tx).await?;
        let subject = subject.again(&mut tx).await?;
        check(ctx, &subject, role, &admins)?;
        subject
    } else {
        let subject = subject.again(&mut tx).await?;
        let admins = users::enabled_admins(&mut tx).await?;
        check(ctx, &subject, role, &admins)?;
        subject
    };
    let old = subject.user.role;
    if let Some(answer) = Outcome::of_dry_run(mode, || {
        let kind = if old == role { ChangeKind::Keep } else { ChangeKind::Change };
        one_change(kind, "role", subject.name(), Some(format!("{old} → {role}")))
    }) {
        return Ok(answer);
    }
    if old == role {
        return Ok(Outcome::Done(user_view(subject.user, subject.account)?));
    }
    users::set_role(&mut tx, subject.user.id, role).await?;
    audit(
        ctx,
        &mut tx,
        Action::UserSetRole,
        subject.name(),
        Some(subject.user.id),
        json!({ "old": old, "new": role }),
    )
    .await?;
    let after = subject.again(&mut tx).await?;
    tx.commit().await?;
    Ok(Outcome::Done(user_view(after.user, after.account)?))
}

fn check(ctx: &Ctx, subject: &Subject, role: Role, enabled: &[UserId]) -> Result<(), Problem> {
    subject.is_version(ctx.if_match)?;
    if subject.user.role == role {
        return Ok(());
    }
    if ctx.actor.user() == Some(subject.user.id) {
        return Err(Problem::new(Code::SelfChange, "nobody changes their own role")
            .at("role")
            .hint("ask another administrator"));
    }
    if subject.user.role == Role::Admin && !enabled.iter().any(|admin| *admin != subject.user.id) {
        return Err(Problem::new(Code::LastAdmin, format!("{} is the last administrator", subject.name()))
            .at("role")
            .hint("make somebody else an administrator first"));
    }
    Ok(())
}
