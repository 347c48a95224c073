use berth_core::command::AddSshKey;
use berth_core::id::SshKeyId;
use berth_core::mode::Mode;
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::view::{ChangeKind, SshKeyView};
use berth_core::{Code, Problem, Problems};
use berth_store::ssh_keys::SshKeyRecord;
use berth_store::{accounts, ssh_keys};
use serde_json::json;

use super::audited::audit;
use super::context::Ctx;
use super::idempotency::Request;
use super::outcome::{Outcome, one_change};
use super::problem::{Failure, retrying};
use super::subject::Subject;
use super::view::ssh_key_view;

/// Adds a key that opens file transfer of an account.
///
/// # Errors
/// `user_not_found`, `account_missing`, `ssh_key_taken`, `idempotency_conflict`.
pub async fn add_ssh_key(
    ctx: &Ctx,
    user: &UserRef,
    command: AddSshKey,
    mode: Mode,
) -> Result<Outcome<SshKeyView>, Problems> {
    let subject = Subject::authorized(ctx, Action::SshKeyAdd, user).await?;
    let request = Request::new(ctx, Action::SshKeyAdd, &(subject.user.id, &command))?;
    let outcome = retrying!(&ctx.app, attempt(ctx, &subject, &command, &request, mode))?;
    if let Outcome::Done(_) = outcome {
        ctx.app.notifier.signal();
    }
    Ok(outcome)
}

async fn attempt(
    ctx: &Ctx,
    subject: &Subject,
    command: &AddSshKey,
    request: &Request,
    mode: Mode,
) -> Result<Outcome<SshKeyView>, Failure> {
    let mut tx = ctx.open(mode).await?;
    if let Some(done) = request.replay(&mut tx, mode).await? {
        return Ok(Outcome::Done(done));
    }
    let subject = subject.again(&mut tx).await?;
    let account = &subject.account()?.account;
    let fingerprint = command.key.fingerprint();
    if ssh_keys::by_fingerprint(&mut tx, account.id, fingerprint).await?.is_some() {
        return Err(Problem::new(
            Code::SshKeyTaken,
            format!("{} has the key {fingerprint} already", account.username),
        )
        .at("key")
        .into());
    }
    let plan = || {
        let whom = format!("opens file transfer of {}", account.username);
        one_change(ChangeKind::Create, "ssh_key", fingerprint, Some(whom))
    };
    if let Some(answer) = Outcome::of_dry_run(mode, plan) {
        return Ok(answer);
    }
    let now = ctx.app.clock.now();
    let key = SshKeyRecord {
        id: SshKeyId::new(now, ctx.app.randomness.ten()),
        account: account.id,
        key: command.key.clone(),
        created_at: now,
    };
    ssh_keys::insert(&mut tx, &key).await?;
    accounts::stamp(&mut tx, account.id).await?;
    let view = ssh_key_view(&key);
    request.remember(&mut tx, &view).await?;
    let detail = json!({ "account": account.username, "comment": view.comment });
    audit(ctx, &mut tx, Action::SshKeyAdd, fingerprint, Some(subject.user.id), detail).await?;
    tx.commit().await?;
    Ok(Outcome::Done(view))
}
