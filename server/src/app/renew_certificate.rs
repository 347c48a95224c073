use berth_core::domain::DomainState;
use berth_core::mode::Mode;
use berth_core::name::Fqdn;
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::view::{CertificateView, ChangeKind};
use berth_core::{Code, Problem, Problems};
use berth_store::certificates;
use serde_json::json;

use super::audited::audit;
use super::certificate_view::certificate_view;
use super::context::Ctx;
use super::known;
use super::outcome::{Outcome, one_change};
use super::problem::{Failure, retrying};
use super::subject::Subject;

/// Has a new certificate ordered for a domain now, whatever is there.
///
/// # Errors
/// `user_not_found`, `account_missing`, `domain_not_found`, `domain_unproven`, `acme_off`.
pub async fn renew_certificate(
    ctx: &Ctx,
    user: &UserRef,
    fqdn: &Fqdn,
    mode: Mode,
) -> Result<Outcome<CertificateView>, Problems> {
    let subject = Subject::authorized(ctx, Action::CertificateRenew, user).await?;
    retrying!(&ctx.app, attempt(ctx, &subject, fqdn, mode))
}

async fn attempt(
    ctx: &Ctx,
    subject: &Subject,
    fqdn: &Fqdn,
    mode: Mode,
) -> Result<Outcome<CertificateView>, Failure> {
    let mut tx = ctx.open(mode).await?;
    let subject = subject.again(&mut tx).await?;
    let account = &subject.account()?.account;
    let domain = known::domain(&mut tx, account, fqdn).await?;
    let mut problems = Problems::none();
    if ctx.app.authority.is_none() {
        problems.push(Problem::new(Code::AcmeOff, "this installation orders no certificates"));
    }
    if domain.state == DomainState::Pending {
        problems.push(Problem::new(Code::DomainUnproven, format!("the ownership of {fqdn} is not proven")));
    }
    problems.into_result()?;
    let plan = || {
        let how = "ordered as soon as its names lead here; the present one serves until then";
        one_change(ChangeKind::Change, "certificate", fqdn.as_str(), Some(how.to_owned()))
    };
    if let Some(answer) = Outcome::of_dry_run(mode, plan) {
        return Ok(answer);
    }
    let now = ctx.app.clock.now();
    certificates::enrol(&mut tx, domain.id, now).await?;
    certificates::force(&mut tx, domain.id, now).await?;
    let record = certificates::by_domain(&mut tx, domain.id).await?;
    let detail = json!({ "account": account.username });
    audit(ctx, &mut tx, Action::CertificateRenew, fqdn.as_str(), Some(subject.user.id), detail).await?;
    tx.commit().await?;
    Ok(Outcome::Done(certificate_view(&ctx.app, domain, record)))
}
