use berth_core::domain::DomainState;
use berth_core::mode::Mode;
use berth_core::name::Fqdn;
use berth_core::ownership::{ProofKind, record_name};
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::view::{ChangeKind, DomainView};
use berth_core::{Problem, Problems};
use berth_store::domains::DomainRecord;
use berth_store::proofs::{self, ProofRecord};

use super::context::Ctx;
use super::known;
use super::outcome::{Outcome, one_change};
use super::ownership::{activate, look, next_look};
use super::problem::{Failure, retrying};
use super::subject::Subject;
use super::view::domain_view;

/// Looks for the proof of a domain's ownership now, and makes the domain active if it is there.
///
/// # Errors
/// `user_not_found`, `account_missing`, `domain_not_found`, `domain_unproven`.
pub async fn verify_domain(
    ctx: &Ctx,
    user: &UserRef,
    fqdn: &Fqdn,
    mode: Mode,
) -> Result<Outcome<DomainView>, Problems> {
    let subject = Subject::authorized(ctx, Action::DomainVerify, user).await?;
    let (domain, waiting) = retrying!(&ctx.app, read(ctx, &subject, fqdn))?;
    let Some(waiting) = waiting else {
        let plan = || one_change(ChangeKind::Keep, "domain", fqdn.as_str(), Some("is active".to_owned()));
        return Ok(
            Outcome::of_dry_run(mode, plan).unwrap_or_else(|| Outcome::Done(domain_view(domain, None)))
        );
    };
    // The internet takes its time, so no transaction is open meanwhile.
    let found = match mode {
        Mode::Apply | Mode::CheckAll => look(ctx.app.network.as_ref(), fqdn, &waiting.token).await,
        Mode::Plan | Mode::CheckOnly => Ok(ProofKind::Dns),
    };
    let plan = || {
        let detail = format!("becomes active once {} or the file proves it", record_name(fqdn));
        one_change(ChangeKind::Change, "domain", fqdn.as_str(), Some(detail))
    };
    if mode != Mode::Apply {
        found?;
        return Ok(Outcome::of_dry_run(mode, plan).unwrap_or(Outcome::Checked));
    }
    let view = retrying!(&ctx.app, settle(ctx, &subject, &waiting, fqdn, &found))?;
    found?;
    ctx.app.notifier.signal();
    Ok(Outcome::Done(view))
}

async fn read(
    ctx: &Ctx,
    subject: &Subject,
    fqdn: &Fqdn,
) -> Result<(DomainRecord, Option<ProofRecord>), Failure> {
    let account = &subject.account()?.account;
    let mut tx = ctx.app.store.read().await?;
    let domain = known::domain(&mut tx, account, fqdn).await?;
    let waiting = proofs::by_domain(&mut tx, domain.id).await?;
    Ok((domain, waiting))
}

async fn settle(
    ctx: &Ctx,
    subject: &Subject,
    asked: &ProofRecord,
    fqdn: &Fqdn,
    found: &Result<ProofKind, Problem>,
) -> Result<DomainView, Failure> {
    let mut tx = ctx.app.store.begin().await?;
    let subject = subject.again(&mut tx).await?;
    let mut domain = known::domain(&mut tx, &subject.account()?.account, fqdn).await?;
    // The name may have been removed and added again, or approved, while we were looking.
    let waiting = proofs::by_domain(&mut tx, domain.id).await?;
    if !waiting.as_ref().is_some_and(|waiting| waiting.token == asked.token) {
        return Ok(domain_view(domain, waiting.as_ref()));
    }
    let now = ctx.app.clock.now();
    match found {
        Ok(proof) => {
            activate(ctx, &mut tx, &domain, Action::DomainVerify, *proof).await?;
            domain.state = DomainState::Active;
        }
        Err(problem) => {
            let next = next_look(asked.created_at, now);
            proofs::checked(&mut tx, domain.id, now, next, problem).await?;
        }
    }
    let waiting = proofs::by_domain(&mut tx, domain.id).await?;
    tx.commit().await?;
    Ok(domain_view(domain, waiting.as_ref()))
}
