use berth_core::Problems;
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::view::CertificateView;
use berth_store::{certificates, domains};

use super::certificate_view::certificate_view;
use super::context::Ctx;
use super::problem::{Failure, retrying};
use super::subject::Subject;

/// Where the certificates of a user's domains stand, that of the primary one first; none without an account.
///
/// # Errors
/// `user_not_found`.
pub async fn list_certificates(ctx: &Ctx, user: &UserRef) -> Result<Vec<CertificateView>, Problems> {
    let subject = Subject::authorized(ctx, Action::CertificateRead, user).await?;
    retrying!(&ctx.app, attempt(ctx, &subject))
}

async fn attempt(ctx: &Ctx, subject: &Subject) -> Result<Vec<CertificateView>, Failure> {
    let Some(overview) = &subject.account else { return Ok(Vec::new()) };
    let mut tx = ctx.app.store.read().await?;
    let found = domains::of_account(&mut tx, overview.account.id).await?;
    let mut records = certificates::of_account(&mut tx, overview.account.id).await?;
    let mut views = Vec::with_capacity(found.len());
    for domain in found {
        let at = records.iter().position(|record| record.domain == domain.id);
        let record = at.map(|at| records.swap_remove(at));
        views.push(certificate_view(&ctx.app, domain, record));
    }
    Ok(views)
}
