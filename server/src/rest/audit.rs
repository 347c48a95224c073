//! `/audit`

use berth_core::view::{AuditVerification, AuditView, Page};

use super::answer::{self, Answer};
use super::body::JsonFields;
use super::caller::Caller;
use super::params::{AuditFilterParams, PageParams};
use super::query::{NoQuery, QueryFields};
use crate::app::{self, ListAudit};

/// List the audit log
///
/// What was done and what was refused, newest first, page by page.
#[utoipa::path(
    get, path = "/audit", tag = "Audit log", operation_id = "list_audit",
    params(AuditFilterParams, PageParams),
    responses((status = 200, description = "One page of entries", body = Page<AuditView>)),
    extensions(("x-problems" = json!([
        "value_invalid", "user_not_found", "username_invalid", "username_reserved", "email_invalid",
        "cursor_invalid"
    ]))),
)]
pub(super) async fn list(Caller(ctx): Caller, QueryFields(fields): QueryFields) -> Answer {
    let command = ListAudit::parse(fields)?;
    Ok(answer::read(&app::list_audit(&ctx, command).await?))
}

/// Verify the audit log
///
/// Checks that no entry was changed, moved or taken out: `broken_at` names the first one that does not fit.
#[utoipa::path(
    post, path = "/audit/verify", tag = "Audit log", operation_id = "verify_audit",
    responses((status = 200, description = "What was found", body = AuditVerification)),
    extensions(("x-problems" = json!([]))),
)]
pub(super) async fn verify(Caller(ctx): Caller, _: NoQuery, JsonFields(fields): JsonFields) -> Answer {
    fields.finish().into_result()?;
    Ok(answer::read(&app::verify_audit(&ctx).await?))
}
