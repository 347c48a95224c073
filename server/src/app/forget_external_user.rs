use berth_core::mode::Mode;
use berth_core::name::Login;
use berth_core::policy::Action;
use berth_core::role::{Role, UserRef};
use berth_core::view::ChangeKind;
use berth_core::{Code, Problem, Problems};
use berth_store::external_users::ExternalUserRecord;
use berth_store::{StoreError, external_users, websites};
use serde_json::json;

use super::audited::audit;
use super::context::Ctx;
use super::external_view::external_view;
use super::outcome::{Outcome, one_change};
use super::problem::{Failure, retrying};
use super::subject::Subject;

/// Forgets the websites of a user. One who came with them goes as well; an account, its files and whatever is
/// on other servers stay.
///
/// # Errors
/// `user_not_found`; `last_admin` for an administrator; `reseller_has_users`.
pub async fn forget_external_user(ctx: &Ctx, login: &Login, mode: Mode) -> Result<Outcome<()>, Problems> {
    let subject =
        Subject::authorized(ctx, Action::ExternalUserForget, &UserRef::Login(login.clone())).await?;
    retrying!(&ctx.app, attempt(ctx, &subject, login, mode))
}

async fn attempt(ctx: &Ctx, subject: &Subject, login: &Login, mode: Mode) -> Result<Outcome<()>, Failure> {
    let mut tx = ctx.open(mode).await?;
    let subject = subject.again(&mut tx).await?;
    let user = subject.user.clone();
    if external_view(&ctx.app, &mut tx, user.clone()).await?.is_none() {
        return Err(Problem::new(Code::UserNotFound, format!("there is no user `{login}`")).into());
    }
    if user.role == Role::Admin {
        return Err(Problem::new(
            Code::Forbidden,
            format!("{login} is an administrator and can't be forgotten"),
        )
        .hint("administrators are removed with `berth user delete`")
        .into());
    }
    let record = external_users::of_user(&mut tx, user.id).await?;
    let goes = subject.account.is_none() && record.as_ref().is_some_and(|record| record.created_here);
    let plan = || {
        let what = if goes { "user" } else { "websites" };
        one_change(ChangeKind::Remove, what, login.as_str(), None)
    };
    if let Some(answer) = Outcome::of_dry_run(mode, plan) {
        return Ok(answer);
    }
    audit(
        ctx,
        &mut tx,
        Action::ExternalUserForget,
        login.as_str(),
        Some(user.id),
        json!({ "user_removed": goes }),
    )
    .await?;
    if goes {
        match external_users::delete_user(&mut tx, user.id).await {
            Err(StoreError::Reference { .. }) => {
                return Err(Problem::new(Code::ValueInvalid, format!("{login} still owns users"))
                    .hint("give them to somebody else first")
                    .into());
            }
            done => done?,
        };
    } else {
        websites::replace(&mut tx, user.id, &[]).await?;
        let record = record.unwrap_or(ExternalUserRecord {
            user: user.id,
            email: Some(user.email),
            locale: berth_core::website::Locale::default(),
            package: None,
            created_here: false,
            forgotten: true,
        });
        external_users::put(&mut tx, &ExternalUserRecord { forgotten: true, ..record }).await?;
    }
    tx.commit().await?;
    Ok(Outcome::Done(()))
}
