use berth_core::Problems;
use berth_core::mode::Mode;
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::view::{ChangeKind, SecondFactorView};
use berth_store::second_factors;
use serde_json::json;

use super::show::view;
use crate::app::audited::audit;
use crate::app::context::Ctx;
use crate::app::outcome::{Outcome, one_change};
use crate::app::problem::{Failure, retrying};
use crate::app::subject::Subject;

/// Says whether a user must have a second factor. Nobody switches one on for somebody else: whoever has none
/// enrols one at the next sign-in.
///
/// # Errors
/// `user_not_found`.
pub async fn require_second_factor(
    ctx: &Ctx,
    user: &UserRef,
    required: bool,
    mode: Mode,
) -> Result<Outcome<SecondFactorView>, Problems> {
    let subject = Subject::authorized(ctx, Action::SecondFactorRequire, user).await?;
    retrying!(&ctx.app, attempt(ctx, &subject, required, mode))
}

async fn attempt(
    ctx: &Ctx,
    subject: &Subject,
    required: bool,
    mode: Mode,
) -> Result<Outcome<SecondFactorView>, Failure> {
    let mut tx = ctx.open(mode).await?;
    let subject = subject.again(&mut tx).await?;
    let plan = || {
        let how = if required { "required" } else { "not required" };
        one_change(ChangeKind::Change, "second_factor", subject.name(), Some(how.to_owned()))
    };
    if let Some(answer) = Outcome::of_dry_run(mode, plan) {
        return Ok(answer);
    }
    let since = required.then(|| ctx.app.clock.now());
    second_factors::require(&mut tx, subject.user.id, since).await?;
    let detail = json!({ "required": required });
    audit(ctx, &mut tx, Action::SecondFactorRequire, subject.name(), Some(subject.user.id), detail).await?;
    let shown = view(&ctx.app, &mut tx, &subject).await?;
    tx.commit().await?;
    Ok(Outcome::Done(shown))
}
