use berth_core::Problems;
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::view::DomainView;
use berth_store::domains::DomainRecord;
use berth_store::{domains, proofs};

use super::context::Ctx;
use super::problem::{Failure, retrying};
use super::subject::Subject;
use super::view::domain_view;

/// The domains of a user's account, the primary one first; none without an account.
///
/// # Errors
/// `user_not_found`.
pub async fn list_domains(ctx: &Ctx, user: &UserRef) -> Result<Vec<DomainView>, Problems> {
    let subject = Subject::authorized(ctx, Action::DomainRead, user).await?;
    retrying!(&ctx.app, attempt(ctx, &subject))
}

async fn attempt(ctx: &Ctx, subject: &Subject) -> Result<Vec<DomainView>, Failure> {
    let Some(overview) = &subject.account else { return Ok(Vec::new()) };
    let mut tx = ctx.app.store.read().await?;
    let found = domains::of_account(&mut tx, overview.account.id).await?;
    let waiting = proofs::of_account(&mut tx, overview.account.id).await?;
    let of = |domain: &DomainRecord| waiting.iter().find(|waiting| waiting.domain == domain.id);
    Ok(found
        .into_iter()
        .map(|domain| {
            let waiting = of(&domain);
            domain_view(domain, waiting)
        })
        .collect())
}
