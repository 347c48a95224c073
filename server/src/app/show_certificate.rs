use berth_core::Problems;
use berth_core::name::Fqdn;
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::view::CertificateView;
use berth_store::certificates;

use super::certificate_view::certificate_view;
use super::context::Ctx;
use super::known;
use super::problem::{Failure, retrying};
use super::subject::Subject;

/// Where the certificate of a domain stands.
///
/// # Errors
/// `user_not_found`, `account_missing`, `domain_not_found`.
pub async fn show_certificate(ctx: &Ctx, user: &UserRef, fqdn: &Fqdn) -> Result<CertificateView, Problems> {
    let subject = Subject::authorized(ctx, Action::CertificateRead, user).await?;
    retrying!(&ctx.app, attempt(ctx, &subject, fqdn))
}

async fn attempt(ctx: &Ctx, subject: &Subject, fqdn: &Fqdn) -> Result<CertificateView, Failure> {
    let mut tx = ctx.app.store.read().await?;
    let domain = known::domain(&mut tx, &subject.account()?.account, fqdn).await?;
    let record = certificates::by_domain(&mut tx, domain.id).await?;
    Ok(certificate_view(&ctx.app, domain, record))
}
