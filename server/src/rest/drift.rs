//! `/nodes/{node}/drift`

use berth_core::Code;
use berth_core::view::{DriftView, Page};

use super::answer::{self, Answer};
use super::body::JsonFields;
use super::caller::Caller;
use super::params::{ChangeParams, DriftFilterParams, IdParam, IdempotencyParam, NodeParam, PageParams};
use super::path::PathParts;
use super::query::{DryRun, NoQuery, QueryFields};
use crate::app::{self, ListDrift};

/// List what somebody else had changed on a node
///
/// Newest first. All of it has been put right; each entry says what it was, what it is since, and who has
/// probably done it.
#[utoipa::path(
    get, path = "/nodes/{node}/drift", tag = "Nodes", operation_id = "list_drift",
    params(NodeParam, DriftFilterParams, PageParams),
    responses((status = 200, description = "One page of drift", body = Page<DriftView>)),
    extensions(("x-problems" = json!([
        "node_not_found", "value_invalid", "user_not_found", "account_missing", "username_invalid",
        "username_reserved", "email_invalid", "cursor_invalid"
    ]))),
)]
pub(super) async fn list(Caller(ctx): Caller, QueryFields(fields): QueryFields, path: PathParts) -> Answer {
    let command = ListDrift::parse(fields)?;
    Ok(answer::read(&app::list_drift(&ctx, path.text("node")?, command).await?))
}

/// Show something that somebody else had changed on a node
#[utoipa::path(
    get, path = "/nodes/{node}/drift/{id}", tag = "Nodes", operation_id = "show_drift",
    params(NodeParam, IdParam),
    responses((status = 200, description = "The drift", body = DriftView)),
    extensions(("x-problems" = json!(["node_not_found", "drift_not_found"]))),
)]
pub(super) async fn show(Caller(ctx): Caller, _: NoQuery, path: PathParts) -> Answer {
    let id = path.id("id", Code::DriftNotFound)?;
    Ok(answer::read(&app::show_drift(&ctx, path.text("node")?, id).await?))
}

/// Take over what was found on a node
///
/// The account then shall have what somebody has put there by hand. Only SSH keys can be taken over.
#[utoipa::path(
    post, path = "/nodes/{node}/drift/{id}/adopt", tag = "Nodes", operation_id = "adopt_drift",
    params(NodeParam, IdParam, ChangeParams, IdempotencyParam),
    responses((status = 200, description = "The drift", body = DriftView)),
    extensions(("x-problems" = json!(["node_not_found", "drift_not_found", "drift_not_adoptable"]))),
)]
pub(super) async fn adopt(
    Caller(ctx): Caller,
    DryRun(mode): DryRun,
    path: PathParts,
    JsonFields(fields): JsonFields,
) -> Answer {
    fields.finish().into_result()?;
    let id = path.id("id", Code::DriftNotFound)?;
    Ok(answer::changed(&app::adopt_drift(&ctx, path.text("node")?, id, mode).await?))
}

/// Keep what Berth has
///
/// Notes that somebody has looked at the drift. One that was taken over is undone.
#[utoipa::path(
    post, path = "/nodes/{node}/drift/{id}/revert", tag = "Nodes", operation_id = "revert_drift",
    params(NodeParam, IdParam, ChangeParams, IdempotencyParam),
    responses((status = 200, description = "The drift", body = DriftView)),
    extensions(("x-problems" = json!(["node_not_found", "drift_not_found", "drift_not_adoptable"]))),
)]
pub(super) async fn revert(
    Caller(ctx): Caller,
    DryRun(mode): DryRun,
    path: PathParts,
    JsonFields(fields): JsonFields,
) -> Answer {
    fields.finish().into_result()?;
    let id = path.id("id", Code::DriftNotFound)?;
    Ok(answer::changed(&app::revert_drift(&ctx, path.text("node")?, id, mode).await?))
}
