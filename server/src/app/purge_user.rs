use berth_core::condition::ConditionState;
use berth_core::id::UserId;
use berth_core::mode::Mode;
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::standing::{Standing, UserState};
use berth_core::view::{ChangeKind, PlanView, PurgeState, PurgeView, PurgedAccountView};
use berth_core::{Code, Problem, Problems};
use berth_store::trash::{self, PurgedRecord};
use berth_store::{Tx, accounts, users};
use serde_json::json;

use super::audited::audit;
use super::authorize::{Target, authorize};
use super::context::Ctx;
use super::life::{close_sign_in, is_deletable, stamp_accounts, surfaces};
use super::outcome::{Outcome, planned};
use super::problem::{Failure, retrying};
use super::subject::{Subject, name_of};

/// Removes a user for good. The node takes away what is there, from the outside in; the row goes last, when
/// the node has looked for everything and found nothing. `live` also takes somebody who is not in the trash.
///
/// # Errors
/// `user_not_found`, `not_in_trash`, `self_change`, `last_admin`, `reseller_has_users`, `precondition_failed`.
pub async fn purge_user(
    ctx: &Ctx,
    user: &UserRef,
    live: bool,
    mode: Mode,
) -> Result<Outcome<PurgeView>, Problems> {
    let subject = Subject::authorized(ctx, Action::UserPurge, user).await?;
    let outcome = retrying!(&ctx.app, attempt(ctx, &subject, live, mode))?;
    if let Outcome::Done(_) = outcome {
        ctx.app.notifier.signal();
    }
    Ok(outcome)
}

async fn attempt(
    ctx: &Ctx,
    subject: &Subject,
    live: bool,
    mode: Mode,
) -> Result<Outcome<PurgeView>, Failure> {
    let mut tx = ctx.open(mode).await?;
    let subject = subject.again(&mut tx).await?;
    subject.is_version(ctx.if_match)?;
    if !subject.user.life.is_deleted() && !live {
        return Err(Problem::new(Code::NotInTrash, format!("{} is not in the trash", subject.name()))
            .hint("delete the user first, or say that a live one shall be purged")
            .into());
    }
    is_deletable(ctx, &mut tx, &subject.user, mode).await?;
    if let Some(answer) = Outcome::of_dry_run(mode, || {
        let detail = Some("for good; the numeric id is never used again".to_owned());
        let mut changes = vec![planned(ChangeKind::Remove, "user", subject.name(), detail)];
        changes.extend(surfaces(&subject, subject.user.life.standing(), Standing::Purged));
        PlanView { changes, limits: None }
    }) {
        return Ok(answer);
    }
    let user = subject.user.id;
    if trash::purge(&mut tx, user, ctx.app.clock.now()).await? {
        close_sign_in(&mut tx, &subject.user).await?;
        stamp_accounts(&mut tx, &subject.user).await?;
        let detail = json!({ "email": subject.user.email, "live": !subject.user.life.is_deleted() });
        audit(ctx, &mut tx, Action::UserPurge, subject.name(), Some(user), detail).await?;
    }
    // Of somebody without an account there is nothing on any node.
    if trash::owned_accounts(&mut tx, user).await?.is_empty() {
        trash::remove_user(&mut tx, user).await?;
    }
    let view = purge_view(&mut tx, user).await?;
    tx.commit().await?;
    Ok(Outcome::Done(PurgeView { name: subject.name(), ..view }))
}

/// How far the purge of a user is, and what was looked for once it is done.
///
/// # Errors
/// `user_not_found`, `not_in_trash` for somebody whom nobody purges.
pub async fn show_purge(ctx: &Ctx, user: UserId) -> Result<PurgeView, Problems> {
    let named = UserRef::Id(user);
    let known = retrying!(&ctx.app, async {
        let mut tx = ctx.app.store.read().await?;
        Ok::<_, Failure>(users::by_id(&mut tx, user).await?.is_some())
    })?;
    if known {
        let subject = Subject::authorized(ctx, Action::UserPurge, &named).await?;
        if subject.user.life.state() != UserState::Purging {
            return Err(Problem::new(Code::NotInTrash, format!("nobody purges {}", subject.name())).into());
        }
    } else {
        // Whose the user was is gone with them.
        authorize(ctx, Action::UserPurge, &Target::installation(named.to_string())).await?;
    }
    retrying!(&ctx.app, async {
        let mut tx = ctx.app.store.read().await?;
        let view = purge_view(&mut tx, user).await?;
        if !known && view.accounts.is_empty() {
            return Err(Failure::from(Problem::new(
                Code::UserNotFound,
                format!("there is no user `{user}`"),
            )));
        }
        Ok(view)
    })
}

async fn purge_view(tx: &mut Tx, user: UserId) -> Result<PurgeView, Failure> {
    let record = users::by_id(tx, user).await?;
    let mut remains = Vec::new();
    if record.is_some() {
        for overview in accounts::of_users(tx, &[user]).await? {
            let waits = overview.account.observed_generation < overview.account.generation;
            for condition in &overview.conditions {
                if waits || !matches!(condition.state, ConditionState::Converged) {
                    let why = condition.state.problem().map(|problem| problem.detail.clone());
                    remains.push(match why {
                        Some(why) if !waits => format!("{}: {why}", condition.resource),
                        _ => condition.resource.to_string(),
                    });
                }
            }
        }
    }
    let accounts: Vec<_> = trash::purged(tx, user).await?.into_iter().map(purged_view).collect();
    let name = record.as_ref().map(name_of).or_else(|| accounts.first().map(|one| one.username.to_string()));
    Ok(PurgeView {
        user,
        name: name.unwrap_or_default(),
        state: if record.is_some() { PurgeState::Purging } else { PurgeState::Gone },
        remains,
        accounts,
    })
}

fn purged_view(record: PurgedRecord) -> PurgedAccountView {
    PurgedAccountView {
        account: record.account,
        username: record.gone.username,
        uid: record.gone.uid,
        node: record.gone.node,
        purged_at: record.purged_at,
        looked: record.looked,
    }
}
