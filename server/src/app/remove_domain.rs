use berth_core::mode::Mode;
use berth_core::name::Fqdn;
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::view::{ChangeKind, PlanView};
use berth_core::{Code, Problem, Problems, layout};
use berth_store::{accounts, domains};
use serde_json::json;

use super::audited::audit;
use super::context::Ctx;
use super::known;
use super::outcome::{Outcome, planned};
use super::problem::{Failure, retrying};
use super::subject::Subject;

/// Removes a domain from an account. Its files stay.
///
/// # Errors
/// `user_not_found`, `account_missing`, `domain_not_found`, `domain_primary`.
pub async fn remove_domain(
    ctx: &Ctx,
    user: &UserRef,
    fqdn: &Fqdn,
    mode: Mode,
) -> Result<Outcome<()>, Problems> {
    let subject = Subject::authorized(ctx, Action::DomainRemove, user).await?;
    let outcome = retrying!(&ctx.app, attempt(ctx, &subject, fqdn, mode))?;
    if let Outcome::Done(()) = outcome {
        ctx.app.notifier.signal();
    }
    Ok(outcome)
}

async fn attempt(ctx: &Ctx, subject: &Subject, fqdn: &Fqdn, mode: Mode) -> Result<Outcome<()>, Failure> {
    let mut tx = ctx.open(mode).await?;
    let subject = subject.again(&mut tx).await?;
    let account = &subject.account()?.account;
    let domain = known::domain(&mut tx, account, fqdn).await?;
    if domain.primary {
        return Err(Problem::new(
            Code::DomainPrimary,
            format!("{fqdn} is the primary domain of {}", account.username),
        )
        .hint("an account keeps its primary domain as long as it exists")
        .into());
    }
    let plan = || PlanView {
        changes: vec![
            planned(
                ChangeKind::Remove,
                "domain",
                fqdn.as_str(),
                Some("no longer served; the name is free for others".to_owned()),
            ),
            planned(
                ChangeKind::Keep,
                "files",
                layout::site_dir(&account.username, fqdn),
                Some("they stay until the account deletes them".to_owned()),
            ),
        ],
        limits: None,
    };
    if let Some(answer) = Outcome::of_dry_run(mode, plan) {
        return Ok(answer);
    }
    domains::remove(&mut tx, domain.id).await?;
    accounts::stamp(&mut tx, account.id).await?;
    let detail = json!({ "account": account.username, "docroot": domain.docroot, "aliases": domain.aliases });
    audit(ctx, &mut tx, Action::DomainRemove, fqdn.as_str(), Some(subject.user.id), detail).await?;
    tx.commit().await?;
    Ok(Outcome::Done(()))
}
