use berth_core::Problems;
use berth_core::domain::DomainState;
use berth_core::mode::Mode;
use berth_core::name::Fqdn;
use berth_core::ownership::ProofKind;
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::view::{ChangeKind, DomainView};

use super::context::Ctx;
use super::known;
use super::outcome::{Outcome, one_change};
use super::ownership::activate;
use super::problem::{Failure, retrying};
use super::subject::Subject;
use super::view::domain_view;

/// Makes a domain active on an administrator's word.
///
/// # Errors
/// `user_not_found`, `account_missing`, `domain_not_found`.
pub async fn approve_domain(
    ctx: &Ctx,
    user: &UserRef,
    fqdn: &Fqdn,
    mode: Mode,
) -> Result<Outcome<DomainView>, Problems> {
    let subject = Subject::authorized(ctx, Action::DomainApprove, user).await?;
    let outcome = retrying!(&ctx.app, attempt(ctx, &subject, fqdn, mode))?;
    if let Outcome::Done(_) = outcome {
        ctx.app.notifier.signal();
    }
    Ok(outcome)
}

async fn attempt(
    ctx: &Ctx,
    subject: &Subject,
    fqdn: &Fqdn,
    mode: Mode,
) -> Result<Outcome<DomainView>, Failure> {
    let mut tx = ctx.open(mode).await?;
    let subject = subject.again(&mut tx).await?;
    let mut domain = known::domain(&mut tx, &subject.account()?.account, fqdn).await?;
    let is_pending = domain.state == DomainState::Pending;
    let plan = || {
        let (kind, detail) = if is_pending {
            (ChangeKind::Change, "pending → active: served under all its names, with mail and certificate")
        } else {
            (ChangeKind::Keep, "is active")
        };
        one_change(kind, "domain", fqdn.as_str(), Some(detail.to_owned()))
    };
    if let Some(answer) = Outcome::of_dry_run(mode, plan) {
        return Ok(answer);
    }
    if is_pending {
        activate(ctx, &mut tx, &domain, Action::DomainApprove, ProofKind::Approval).await?;
        tx.commit().await?;
        domain.state = DomainState::Active;
    }
    Ok(Outcome::Done(domain_view(domain, None)))
}
