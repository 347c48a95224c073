//! What ends by itself: suspensions with an end, and the time in the trash.

use std::sync::Arc;

use berth_core::Problems;
use berth_core::id::UserId;
use berth_core::mode::Mode;
use berth_core::policy::Action;
use berth_core::role::{Actor, UserRef};
use berth_store::{StoreError, suspensions, trash, users};
use serde_json::json;

use super::audited::audit;
use super::context::{App, Ctx};
use super::life::stamp_accounts;
use super::problem::{Failure, retrying};
use super::purge_user::purge_user;

/// Users that are seen to at a time.
const AT_ONCE: u32 = 50;

/// Lifts suspensions whose time is over, and purges who has been in the trash long enough; how many users
/// that concerned.
///
/// # Errors
/// The database does not answer; what fails for one user is tried again with the next call.
pub async fn end_of_time(app: &Arc<App>) -> Result<usize, StoreError> {
    let now = app.clock.now();
    let (ended, purged) = {
        let mut tx = app.store.read().await?;
        (suspensions::ended(&mut tx, now, AT_ONCE).await?, trash::due(&mut tx, now, AT_ONCE).await?)
    };
    let mut done = 0;
    for user in ended {
        let ctx = Ctx::new(Arc::clone(app), Actor::System, app.request_id());
        done += usize::from(noted(user, retrying!(app, lift_ended(&ctx, user))));
    }
    for user in purged {
        let ctx = Ctx::new(Arc::clone(app), Actor::System, app.request_id());
        let purged = purge_user(&ctx, &UserRef::Id(user), false, Mode::Apply).await;
        done += usize::from(noted(user, purged.map(drop)));
    }
    if done > 0 {
        app.notifier.signal();
    }
    Ok(done)
}

#[expect(clippy::needless_pass_by_value, reason = "what became of an attempt ends here")]
fn noted(user: UserId, done: Result<(), Problems>) -> bool {
    if let Err(problems) = &done {
        tracing::warn!(%user, %problems, "what was to end by itself did not; it is tried again");
    }
    done.is_ok()
}

async fn lift_ended(ctx: &Ctx, id: UserId) -> Result<(), Failure> {
    let mut tx = ctx.app.store.begin().await?;
    let Some(user) = users::by_id(&mut tx, id).await? else { return Ok(()) };
    let reasons = user.life.suspensions.ended(ctx.app.clock.now());
    if reasons.is_empty() {
        return Ok(());
    }
    let mut after = user.life.clone();
    for reason in &reasons {
        after.suspensions.lift(*reason);
        suspensions::lift(&mut tx, id, *reason).await?;
    }
    if after.standing() != user.life.standing() {
        stamp_accounts(&mut tx, &user).await?;
    }
    let name = super::subject::name_of(&user);
    audit(ctx, &mut tx, Action::UserActivate, name, Some(id), json!({ "ended": reasons })).await?;
    Ok(tx.commit().await?)
}
