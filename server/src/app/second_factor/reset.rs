use berth_core::Problems;
use berth_core::id::MailId;
use berth_core::mail::MailKind;
use berth_core::mode::Mode;
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::view::{ChangeKind, SecondFactorView};
use berth_store::{second_factors, sessions};
use serde_json::json;

use super::show::view;
use crate::app::audited::audit;
use crate::app::context::Ctx;
use crate::app::mail::{Addressee, queue};
use crate::app::outcome::{Outcome, one_change};
use crate::app::problem::{Failure, retrying};
use crate::app::subject::Subject;

/// Switches a user's second factor off, because the authenticator is lost: they have to enrol another one at
/// the next sign-in, every session of theirs ends, and they are told.
///
/// # Errors
/// `user_not_found`.
pub async fn reset_second_factor(
    ctx: &Ctx,
    user: &UserRef,
    mode: Mode,
) -> Result<Outcome<SecondFactorView>, Problems> {
    let subject = Subject::authorized(ctx, Action::SecondFactorReset, user).await?;
    retrying!(&ctx.app, attempt(ctx, &subject, mode))
}

async fn attempt(ctx: &Ctx, subject: &Subject, mode: Mode) -> Result<Outcome<SecondFactorView>, Failure> {
    let mut tx = ctx.open(mode).await?;
    let subject = subject.again(&mut tx).await?;
    let plan = || {
        let how = "off, to be enrolled again at the next sign-in".to_owned();
        one_change(ChangeKind::Change, "second_factor", subject.name(), Some(how))
    };
    if let Some(answer) = Outcome::of_dry_run(mode, plan) {
        return Ok(answer);
    }
    let (now, id) = (ctx.app.clock.now(), subject.user.id);
    second_factors::clear(&mut tx, id).await?;
    second_factors::require(&mut tx, id, Some(now)).await?;
    let ended = sessions::delete_of(&mut tx, id, None).await?;
    let mail = MailId::new(now, ctx.app.randomness.ten());
    let to = Addressee::from(&subject.user);
    queue(&ctx.app, &mut tx, mail, MailKind::SecondFactorReset, to, json!({})).await?;
    let detail = json!({ "sessions_ended": ended });
    audit(ctx, &mut tx, Action::SecondFactorReset, subject.name(), Some(id), detail).await?;
    let shown = view(&ctx.app, &mut tx, &subject).await?;
    tx.commit().await?;
    Ok(Outcome::Done(shown))
}
