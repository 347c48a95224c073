//! `/nodes`

use berth_core::Code;
use berth_core::name::Username;
use berth_core::view::{NodeView, Page, QuarantineView};

use super::answer::{self, Answer};
use super::bodies::QuarantineHomeBody;
use super::body::JsonFields;
use super::caller::Caller;
use super::params::{ChangeParams, IdParam, IdempotencyParam, NodeParam};
use super::path::PathParts;
use super::problem::Refusal;
use super::query::{DryRun, NoQuery};
use crate::app;

/// List nodes
#[utoipa::path(
    get, path = "/nodes", tag = "Nodes", operation_id = "list_nodes",
    responses((status = 200, description = "All of them, in one page", body = Page<NodeView>)),
    extensions(("x-problems" = json!([]))),
)]
pub(super) async fn list(Caller(ctx): Caller, _: NoQuery) -> Answer {
    Ok(answer::listed(app::list_nodes(&ctx).await?))
}

/// Show a node
#[utoipa::path(
    get, path = "/nodes/{node}", tag = "Nodes", operation_id = "show_node",
    params(NodeParam),
    responses((status = 200, description = "The node", body = NodeView)),
    extensions(("x-problems" = json!(["node_not_found"]))),
)]
pub(super) async fn show(Caller(ctx): Caller, _: NoQuery, path: PathParts) -> Answer {
    Ok(answer::read(&app::show_node(&ctx, path.text("node")?).await?))
}

/// Make a node look at everything now
///
/// It does so once a minute anyway. It is done when `audit_done` has reached the `audit_requested` of this
/// answer.
#[utoipa::path(
    post, path = "/nodes/{node}/audit", tag = "Nodes", operation_id = "audit_node",
    params(NodeParam, ChangeParams, IdempotencyParam),
    responses((status = 200, description = "The node", body = NodeView)),
    extensions(("x-problems" = json!(["node_not_found"]))),
)]
pub(super) async fn audit(
    Caller(ctx): Caller,
    DryRun(mode): DryRun,
    path: PathParts,
    JsonFields(fields): JsonFields,
) -> Answer {
    fields.finish().into_result()?;
    Ok(answer::changed(&app::audit_node(&ctx, path.text("node")?, mode).await?))
}

/// Move a left-over home aside
///
/// For a directory below `/home` that belongs to no account and keeps its name from being used. Nothing is
/// deleted.
#[utoipa::path(
    post, path = "/nodes/{node}/quarantines", tag = "Nodes", operation_id = "quarantine_home",
    params(NodeParam, ChangeParams, IdempotencyParam),
    request_body = QuarantineHomeBody,
    responses((status = 201, description = "The order", body = QuarantineView)),
    extensions(("x-problems" = json!([
        "node_not_found", "username_invalid", "username_reserved", "username_taken", "not_found"
    ]))),
)]
pub(super) async fn quarantine(
    Caller(ctx): Caller,
    DryRun(mode): DryRun,
    path: PathParts,
    JsonFields(mut fields): JsonFields,
) -> Answer {
    let node = path.text("node")?;
    let username = fields.required::<Username>("username");
    fields.finish().into_result()?;
    let Some(username) = username else {
        return Err(Refusal::internal("a required field was neither read nor missed"));
    };
    let outcome = app::quarantine_home(&ctx, node, username, mode).await?;
    Ok(answer::created(&outcome, |order| format!("/api/v1/nodes/{}/quarantines/{}", order.node, order.id)))
}

/// Show whether a left-over home has been moved
#[utoipa::path(
    get, path = "/nodes/{node}/quarantines/{id}", tag = "Nodes", operation_id = "show_quarantine",
    params(NodeParam, IdParam),
    responses((status = 200, description = "The order", body = QuarantineView)),
    extensions(("x-problems" = json!(["node_not_found", "not_found"]))),
)]
pub(super) async fn show_quarantine(Caller(ctx): Caller, _: NoQuery, path: PathParts) -> Answer {
    let id = path.id("id", Code::NotFound)?;
    Ok(answer::read(&app::show_quarantine(&ctx, path.text("node")?, id).await?))
}
