use berth_core::Problems;
use berth_core::command::EditDomain;
use berth_core::mode::Mode;
use berth_core::name::Fqdn;
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::view::{ChangeKind, DomainView};
use berth_store::{accounts, domains};
use serde_json::json;

use super::audited::audit;
use super::context::Ctx;
use super::known;
use super::outcome::{Outcome, one_change};
use super::problem::{Failure, retrying};
use super::subject::Subject;
use super::view::domain_view;

/// Changes the settings of a domain's site.
///
/// # Errors
/// `user_not_found`, `account_missing`, `domain_not_found`.
pub async fn edit_domain(
    ctx: &Ctx,
    user: &UserRef,
    fqdn: &Fqdn,
    command: EditDomain,
    mode: Mode,
) -> Result<Outcome<DomainView>, Problems> {
    let subject = Subject::authorized(ctx, Action::DomainEdit, user).await?;
    let outcome = retrying!(&ctx.app, attempt(ctx, &subject, fqdn, &command, mode))?;
    if let Outcome::Done(_) = outcome {
        ctx.app.notifier.signal();
    }
    Ok(outcome)
}

async fn attempt(
    ctx: &Ctx,
    subject: &Subject,
    fqdn: &Fqdn,
    command: &EditDomain,
    mode: Mode,
) -> Result<Outcome<DomainView>, Failure> {
    let mut tx = ctx.open(mode).await?;
    let subject = subject.again(&mut tx).await?;
    let account = &subject.account()?.account;
    let mut domain = known::domain(&mut tx, account, fqdn).await?;
    let old = domain.docroot.clone();
    let new = command.docroot.clone().unwrap_or_else(|| old.clone());
    let plan = || {
        let kind = if old == new { ChangeKind::Keep } else { ChangeKind::Change };
        one_change(kind, "docroot", fqdn.as_str(), Some(format!("{old} → {new}; files stay where they are")))
    };
    if let Some(answer) = Outcome::of_dry_run(mode, plan) {
        return Ok(answer);
    }
    if old == new {
        return Ok(Outcome::Done(domain_view(domain)));
    }
    domains::set_docroot(&mut tx, domain.id, &new).await?;
    accounts::stamp(&mut tx, account.id).await?;
    let detail = json!({ "account": account.username, "docroot": { "old": old, "new": new } });
    audit(ctx, &mut tx, Action::DomainEdit, fqdn.as_str(), Some(subject.user.id), detail).await?;
    tx.commit().await?;
    domain.docroot = new;
    Ok(Outcome::Done(domain_view(domain)))
}
