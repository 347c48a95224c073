use berth_core::Problems;
use berth_core::command::EditDomain;
use berth_core::mode::Mode;
use berth_core::name::Fqdn;
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::view::{ChangeKind, DomainView, PlanView};
use berth_store::domains::DomainRecord;
use berth_store::{accounts, domains, proofs};
use serde_json::{Value, json};

use super::audited::audit;
use super::context::Ctx;
use super::known;
use super::outcome::{Outcome, one_change, planned};
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
    let old = known::domain(&mut tx, account, fqdn).await?;
    let waiting = proofs::by_domain(&mut tx, old.id).await?;
    let mut new = old.clone();
    new.docroot = command.docroot.clone().unwrap_or(new.docroot);
    new.https_redirect = command.https_redirect.unwrap_or(new.https_redirect);
    new.hsts = command.hsts.unwrap_or(new.hsts);
    if let Some(answer) = Outcome::of_dry_run(mode, || plan(&old, &new)) {
        return Ok(answer);
    }
    if old == new {
        return Ok(Outcome::Done(domain_view(old, waiting.as_ref())));
    }
    domains::set_site(&mut tx, &new).await?;
    accounts::stamp(&mut tx, account.id).await?;
    let changes = differences(&old, &new).into_iter();
    let detail: Value = std::iter::once(("account".to_owned(), json!(account.username)))
        .chain(changes.map(|(name, old, new)| (name.to_owned(), json!({ "old": old, "new": new }))))
        .collect();
    audit(ctx, &mut tx, Action::DomainEdit, fqdn.as_str(), Some(subject.user.id), detail).await?;
    tx.commit().await?;
    Ok(Outcome::Done(domain_view(new, waiting.as_ref())))
}

fn plan(old: &DomainRecord, new: &DomainRecord) -> PlanView {
    let changes: Vec<_> = differences(old, new)
        .into_iter()
        .map(|(name, before, after)| {
            let shown = |value: &Value| match value {
                Value::String(text) => text.clone(),
                Value::Null => "none".to_owned(),
                other => other.to_string(),
            };
            let more = match name {
                "docroot" => "; files stay where they are",
                "hsts" if new.hsts.is_some() => "; browsers can't be told sooner to come without encryption",
                _ => "",
            };
            let detail = format!("{} → {}{more}", shown(&before), shown(&after));
            planned(ChangeKind::Change, name, new.fqdn.as_str(), Some(detail))
        })
        .collect();
    if changes.is_empty() {
        return one_change(ChangeKind::Keep, "domain", new.fqdn.as_str(), Some("nothing changes".to_owned()));
    }
    PlanView { changes, limits: None }
}

/// The settings that differ, with their old and new values.
fn differences(old: &DomainRecord, new: &DomainRecord) -> Vec<(&'static str, Value, Value)> {
    [
        ("docroot", json!(old.docroot), json!(new.docroot)),
        ("https_redirect", json!(old.https_redirect), json!(new.https_redirect)),
        ("hsts", json!(old.hsts), json!(new.hsts)),
    ]
    .into_iter()
    .filter(|(_, old, new)| old != new)
    .collect()
}
