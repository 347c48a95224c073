use berth_core::mode::Mode;
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::view::ChangeKind;
use berth_core::{Code, Problem, Problems};
use berth_store::{accounts, ssh_keys};
use serde_json::json;

use super::audited::audit;
use super::context::Ctx;
use super::outcome::{Outcome, one_change};
use super::problem::{Failure, retrying};
use super::subject::Subject;

/// Removes a key, named by its id or its fingerprint. Sessions that it has open end.
///
/// # Errors
/// `user_not_found`, `account_missing`, `ssh_key_not_found`.
pub async fn remove_ssh_key(
    ctx: &Ctx,
    user: &UserRef,
    key: &str,
    mode: Mode,
) -> Result<Outcome<()>, Problems> {
    let subject = Subject::authorized(ctx, Action::SshKeyRemove, user).await?;
    let outcome = retrying!(&ctx.app, attempt(ctx, &subject, key, mode))?;
    if let Outcome::Done(()) = outcome {
        ctx.app.notifier.signal();
    }
    Ok(outcome)
}

async fn attempt(ctx: &Ctx, subject: &Subject, named: &str, mode: Mode) -> Result<Outcome<()>, Failure> {
    let mut tx = ctx.open(mode).await?;
    let subject = subject.again(&mut tx).await?;
    let account = &subject.account()?.account;
    let key = ssh_keys::of_account(&mut tx, account.id)
        .await?
        .into_iter()
        .find(|key| key.key.fingerprint() == named || key.id.to_string() == named)
        .ok_or_else(|| {
            Problem::new(Code::SshKeyNotFound, format!("{} has no such key", account.username))
                .hint("name it by its id or its fingerprint (SHA256:…)")
        })?;
    let fingerprint = key.key.fingerprint();
    let plan = || {
        let what = "sessions that it has open end".to_owned();
        one_change(ChangeKind::Remove, "ssh_key", fingerprint, Some(what))
    };
    if let Some(answer) = Outcome::of_dry_run(mode, plan) {
        return Ok(answer);
    }
    ssh_keys::remove(&mut tx, account.id, key.id).await?;
    accounts::stamp(&mut tx, account.id).await?;
    let detail = json!({ "account": account.username, "comment": key.key.comment() });
    audit(ctx, &mut tx, Action::SshKeyRemove, fingerprint, Some(subject.user.id), detail).await?;
    tx.commit().await?;
    Ok(Outcome::Done(()))
}
