use berth_core::Problems;
use berth_core::name::Fqdn;
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::view::DomainView;
use berth_store::proofs;

use super::context::Ctx;
use super::known;
use super::problem::{Failure, retrying};
use super::subject::Subject;
use super::view::domain_view;

/// A domain of a user's account, with how to prove its ownership if that is still to be done.
///
/// # Errors
/// `user_not_found`, `account_missing`, `domain_not_found`.
pub async fn show_domain(ctx: &Ctx, user: &UserRef, fqdn: &Fqdn) -> Result<DomainView, Problems> {
    let subject = Subject::authorized(ctx, Action::DomainRead, user).await?;
    retrying!(&ctx.app, attempt(ctx, &subject, fqdn))
}

async fn attempt(ctx: &Ctx, subject: &Subject, fqdn: &Fqdn) -> Result<DomainView, Failure> {
    let mut tx = ctx.app.store.read().await?;
    let domain = known::domain(&mut tx, &subject.account()?.account, fqdn).await?;
    let waiting = proofs::by_domain(&mut tx, domain.id).await?;
    Ok(domain_view(domain, waiting.as_ref()))
}
