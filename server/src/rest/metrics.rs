//! `/metrics`

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;
use berth_core::view::NodeView;
use metrics::gauge;

use super::Rest;
use super::answer::Answer;
use super::caller::Caller;
use super::query::NoQuery;
use crate::app;

/// Metrics for Prometheus
///
/// For whoever may look at nodes: root on the operator socket, or an administrator's key with the scope
/// `read`, since the figures are about all tenants.
#[utoipa::path(
    get, path = "/metrics", tag = "Health", operation_id = "metrics",
    responses((status = 200, description = "Text format 0.0.4", body = String, content_type = "text/plain")),
    extensions(("x-problems" = json!([]))),
)]
pub(super) async fn render(State(rest): State<Rest>, Caller(ctx): Caller, _: NoQuery) -> Answer {
    let now = ctx.app.clock.now();
    for node in app::list_nodes(&ctx).await? {
        of_node(&node, now);
    }
    gauge!("berth_password_hashes_present").set(hashes_present(&ctx.app));
    let mut response = rest.metrics.render().into_response();
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"));
    Ok(response)
}

#[expect(clippy::cast_precision_loss, reason = "the queue is bounded far below where precision ends")]
fn hashes_present(app: &app::App) -> f64 {
    app.hasher.present() as f64
}

/// Figures that are read when asked for.
#[expect(clippy::cast_precision_loss, reason = "counts this large do not occur")]
fn of_node(node: &NodeView, now: chrono::DateTime<chrono::Utc>) {
    let name = node.name.clone();
    let settled = node.accounts.saturating_sub(node.provisioning).saturating_sub(node.failed);
    for (state, count) in
        [("provisioning", node.provisioning), ("failed", node.failed), ("converged", settled)]
    {
        gauge!("berth_accounts", "node" => name.clone(), "state" => state).set(count as f64);
    }
    if let Some(seen) = node.seen_at {
        gauge!("berth_agent_seen_age_seconds", "node" => name.clone())
            .set((now - seen).as_seconds_f64().max(0.0));
    }
    gauge!("berth_node_problems", "node" => name).set(node.problems.len() as f64);
}
