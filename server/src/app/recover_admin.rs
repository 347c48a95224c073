use berth_core::mode::Mode;
use berth_core::policy::Action;
use berth_core::role::{Actor, Role, UserRef};
use berth_core::view::{ChangeKind, PasswordSet};
use berth_core::{Code, Problem, Problems};
use berth_store::users::PasswordHash;
use serde_json::json;

use super::audited::audit;
use super::authorize::{Target, refuse};
use super::context::Ctx;
use super::outcome::{Outcome, one_change};
use super::problem::{Failure, retrying};
use super::recovery::{open_all_doors, replace_password};
use super::set_password::generate_password;
use super::subject::Subject;

/// Lets an administrator in again whom nothing else lets in: a new password, shown once, no second factor, no
/// delays. Only root on the host can do it.
///
/// # Errors
/// `forbidden` for everybody but root on the host; `user_not_found`; `value_invalid` for somebody who is no
/// administrator.
pub async fn recover_admin(ctx: &Ctx, user: &UserRef, mode: Mode) -> Result<Outcome<PasswordSet>, Problems> {
    if ctx.actor != Actor::Operator {
        let problem = Problem::new(Code::Forbidden, "only root on the host recovers an administrator")
            .hint("run `berth admin recover` as root on the server");
        refuse(ctx, "admin.recover", &Target::installation(user.to_string()), problem).await?;
    }
    let subject = Subject::authorized(ctx, Action::UserSetPassword, user).await?;
    if subject.user.role != Role::Admin {
        return Err(Problem::new(Code::ValueInvalid, format!("{} is not an administrator", subject.name()))
            .at("user")
            .hint("`berth user set-password` gives others a new password")
            .into());
    }
    let plan = || one_change(ChangeKind::Change, "password", subject.name(), Some("generated".to_owned()));
    if let Some(answer) = Outcome::of_dry_run(mode, plan) {
        return Ok(answer);
    }
    let password = generate_password(&ctx.app);
    let hash = PasswordHash(ctx.app.hasher.hash(&password, ctx.app.randomness.as_ref()).await?);
    retrying!(&ctx.app, attempt(ctx, &subject, &hash))?;
    let password = Some(password.expose().to_owned());
    Ok(Outcome::Done(PasswordSet { user: subject.user.id, password }))
}

async fn attempt(ctx: &Ctx, subject: &Subject, hash: &PasswordHash) -> Result<(), Failure> {
    let mut tx = ctx.app.store.begin().await?;
    let subject = subject.again(&mut tx).await?;
    replace_password(&ctx.app, &mut tx, &subject.user, hash).await?;
    open_all_doors(&mut tx, &subject.user).await?;
    let detail = json!({ "recovered": true });
    audit(ctx, &mut tx, Action::UserSetPassword, subject.name(), Some(subject.user.id), detail).await?;
    Ok(tx.commit().await?)
}
