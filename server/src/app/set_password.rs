use berth_core::command::SetPassword;
use berth_core::id::UserId;
use berth_core::mode::Mode;
use berth_core::password::{Password, generate};
use berth_core::policy::Action;
use berth_core::role::{Actor, UserRef, Via};
use berth_core::view::{ChangeKind, PasswordSet};
use berth_core::{Problem, Problems};
use berth_store::accounts::AccountOverview;
use berth_store::users::{PasswordHash, UserRecord};
use berth_store::{Tx, sessions, users};
use serde_json::json;

use super::audited::audit;
use super::context::{App, Ctx};
use super::outcome::{Outcome, one_change};
use super::problem::{Failure, retrying};
use super::subject::Subject;

/// Sets a user's password, or makes one and shows it once.
///
/// # Errors
/// `user_not_found`, `password_invalid`, `precondition_failed`.
pub async fn set_password(
    ctx: &Ctx,
    user: &UserRef,
    command: SetPassword,
    mode: Mode,
) -> Result<Outcome<PasswordSet>, Problems> {
    let subject = Subject::authorized(ctx, Action::UserSetPassword, user).await?;
    subject.is_version(ctx.if_match)?;
    if let Some(password) = &command.password {
        check_password(&ctx.app, password, &known_about(&subject))?;
    }
    let plan = || {
        let how = if command.password.is_some() { "as supplied" } else { "generated, shown once" };
        one_change(ChangeKind::Change, "password", subject.name(), Some(how.to_owned()))
    };
    if let Some(answer) = Outcome::of_dry_run(mode, plan) {
        return Ok(answer);
    }
    let generated = command.password.is_none();
    let password = command.password.unwrap_or_else(|| generate_password(&ctx.app));
    let hash = PasswordHash(ctx.app.hasher.hash(&password, ctx.app.randomness.as_ref()).await?);
    retrying!(&ctx.app, attempt(ctx, &subject, &hash, generated))?;
    Ok(Outcome::Done(PasswordSet {
        user: subject.user.id,
        password: generated.then(|| password.expose().to_owned()),
    }))
}

async fn attempt(ctx: &Ctx, subject: &Subject, hash: &PasswordHash, generated: bool) -> Result<(), Failure> {
    let mut tx = ctx.app.store.begin().await?;
    let subject = subject.again(&mut tx).await?;
    subject.is_version(ctx.if_match)?;
    users::set_password(&mut tx, subject.user.id, hash, ctx.app.clock.now()).await?;
    end_other_sessions(ctx, &mut tx, subject.user.id).await?;
    audit(
        ctx,
        &mut tx,
        Action::UserSetPassword,
        subject.name(),
        Some(subject.user.id),
        json!({ "generated": generated }),
    )
    .await?;
    Ok(tx.commit().await?)
}

/// Ends what was signed in with the old password, but not the session that the change is made in.
pub(super) async fn end_other_sessions(ctx: &Ctx, tx: &mut Tx, user: UserId) -> Result<u64, Failure> {
    let kept = match ctx.actor {
        Actor::Person { user: me, via: Via::Session(session), .. } if me == user => Some(session),
        _ => None,
    };
    Ok(sessions::delete_of(tx, user, kept).await?)
}

/// Applies the installation's rule, with what an attacker would try first.
pub(super) fn check_password(app: &App, password: &Password, about: &[String]) -> Result<(), Problem> {
    let about: Vec<&str> = about.iter().map(String::as_str).collect();
    app.installation().password_rule().check(password, &about).map_err(|problem| problem.at("password"))
}

/// A password from the app's randomness.
pub(super) fn generate_password(app: &App) -> Password {
    generate(|| {
        let mut byte = [0];
        app.randomness.fill(&mut byte);
        byte[0]
    })
}

fn known_about(subject: &Subject) -> Vec<String> {
    known_about_user(&subject.user, subject.account.as_ref())
}

/// What an attacker would try first as somebody's password.
pub(super) fn known_about_user(user: &UserRecord, account: Option<&AccountOverview>) -> Vec<String> {
    let mut about =
        vec![user.email.to_string(), user.email.local_part().to_owned(), user.display_name.to_string()];
    about.extend(user.login.as_ref().map(ToString::to_string));
    about.extend(account.and_then(|a| a.primary_domain.as_ref()).map(ToString::to_string));
    about
}
