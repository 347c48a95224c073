use berth_core::Problems;
use berth_core::policy::Action;
use berth_core::view::AuditVerification;
use berth_store::audit;

use super::authorize::{Target, authorize};
use super::context::Ctx;
use super::problem::{Failure, retrying};

/// Checks every entry of the audit log against the one before it. A log that does not verify is an answer,
/// not a failure: `broken_at` says where.
///
/// # Errors
/// `forbidden`.
pub async fn verify_audit(ctx: &Ctx) -> Result<AuditVerification, Problems> {
    authorize(ctx, Action::AuditRead, &Target::installation("audit log")).await?;
    retrying!(&ctx.app, async { audit::verify(&ctx.app.store).await.map_err(Failure::from) })
}
