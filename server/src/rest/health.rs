//! `/health`

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;

use super::Rest;
use super::answer::Answer;
use crate::app;

/// Whether the server is well.
#[derive(Debug, Serialize, ToSchema)]
struct Health {
    /// `ok`
    status: &'static str,
}

/// Whether the process answers
#[utoipa::path(
    get, path = "/health/live", tag = "Health", operation_id = "live", security(()),
    responses((status = 200, description = "It does", body = Health)),
    extensions(("x-problems" = json!([]))),
)]
pub(super) async fn live() -> Answer {
    Ok(Json(Health { status: "ok" }).into_response())
}

/// Whether requests can be served
///
/// The database answers and its schema is the one that this version works with.
#[utoipa::path(
    get, path = "/health/ready", tag = "Health", operation_id = "ready", security(()),
    responses((status = 200, description = "They can", body = Health)),
    extensions(("x-problems" = json!(["unavailable"]))),
)]
pub(super) async fn ready(State(rest): State<Rest>) -> Answer {
    app::ready(&rest.app).await?;
    Ok(Json(Health { status: "ok" }).into_response())
}
