use berth_core::command::EditUser;
use berth_core::mode::Mode;
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::user::MemberRole;
use berth_core::view::{ChangeKind, PlanView, UserView};
use berth_core::{Code, Problem, Problems};
use berth_store::users::UserRecord;
use berth_store::{Tx, accounts, users};
use serde_json::{Map, Value, json};

use super::audited::audit;
use super::context::Ctx;
use super::outcome::{Outcome, planned};
use super::problem::{Failure, retrying};
use super::subject::{Subject, changed};
use super::view::user_view;

/// Changes a profile.
///
/// # Errors
/// `user_not_found`, `email_taken`, `precondition_failed`.
pub async fn edit_user(
    ctx: &Ctx,
    user: &UserRef,
    command: EditUser,
    mode: Mode,
) -> Result<Outcome<UserView>, Problems> {
    let subject = Subject::authorized(ctx, Action::UserEdit, user).await?;
    let outcome = retrying!(&ctx.app, attempt(ctx, &subject, &command, mode))?;
    if let Outcome::Done(_) = outcome {
        ctx.app.notifier.signal();
    }
    Ok(outcome)
}

async fn attempt(
    ctx: &Ctx,
    subject: &Subject,
    command: &EditUser,
    mode: Mode,
) -> Result<Outcome<UserView>, Failure> {
    let mut tx = ctx.open(mode).await?;
    let subject = subject.again(&mut tx).await?;
    subject.is_version(ctx.if_match)?;
    let old = subject.user.clone();
    let new = edited(old.clone(), command);
    if old.email.key() != new.email.key() {
        check_email(&mut tx, &new).await?;
    }
    let changes = differences(&old, &new);
    if let Some(answer) = Outcome::of_dry_run(mode, || plan(&changes)) {
        return Ok(answer);
    }
    if changes.is_empty() {
        return Ok(Outcome::Done(user_view(subject.user, subject.account)?));
    }
    if users::update(&mut tx, &new).await?.is_none() {
        return Err(changed().into());
    }
    if old.display_name != new.display_name
        && let Some(overview) = &subject.account
        && overview.membership == MemberRole::Owner
    {
        // The name is in the comment of the Unix account.
        accounts::stamp(&mut tx, overview.account.id).await?;
    }
    audit(ctx, &mut tx, Action::UserEdit, subject.name(), Some(old.id), Value::Object(changes)).await?;
    let after = subject.again(&mut tx).await?;
    tx.commit().await?;
    Ok(Outcome::Done(user_view(after.user, after.account)?))
}

fn edited(user: UserRecord, command: &EditUser) -> UserRecord {
    let EditUser { display_name, email, phone, address, timezone, language } = command.clone();
    UserRecord {
        display_name: display_name.unwrap_or(user.display_name),
        email: email.unwrap_or(user.email),
        phone: phone.apply(user.phone),
        address: address.apply(user.address),
        timezone: timezone.apply(user.timezone),
        language: language.unwrap_or(user.language),
        ..user
    }
}

async fn check_email(tx: &mut Tx, new: &UserRecord) -> Result<(), Failure> {
    match users::by_email(tx, &new.email).await? {
        Some(other) if other.id != new.id => {
            Err(Problem::new(Code::EmailTaken, format!("another user has the address {}", new.email))
                .at("email")
                .into())
        }
        _ => Ok(()),
    }
}

/// Old and new value of every field that changes.
fn differences(old: &UserRecord, new: &UserRecord) -> Map<String, Value> {
    let mut changes = Map::new();
    for (field, old, new) in [
        ("display_name", json!(old.display_name), json!(new.display_name)),
        ("email", json!(old.email), json!(new.email)),
        ("phone", json!(old.phone), json!(new.phone)),
        ("address", json!(old.address), json!(new.address)),
        ("timezone", json!(old.timezone), json!(new.timezone)),
        ("language", json!(old.language), json!(new.language)),
    ] {
        if old != new {
            changes.insert(field.to_owned(), json!({ "old": old, "new": new }));
        }
    }
    changes
}

fn plan(changes: &Map<String, Value>) -> PlanView {
    let step = |(field, change): (&String, &Value)| {
        planned(
            ChangeKind::Change,
            "profile",
            field.clone(),
            Some(format!("{} → {}", change["old"], change["new"])),
        )
    };
    PlanView { changes: changes.iter().map(step).collect(), limits: None }
}
