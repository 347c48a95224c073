//! What the agent of this host asks over its own socket; the socket lets in nobody but root and ourselves.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::IntoResponse;
use axum::routing::post;
use axum::{Json, Router};
use berth_core::Code;
use berth_core::link::{PullRequest, Report};
use serde::de::DeserializeOwned;

use crate::app;
use crate::listen::Peer;
use crate::rest::{Refusal, Rest, read_body};

/// Longest that an agent is kept waiting for news, in milliseconds.
const LONGEST_POLL_MS: u32 = 30_000;

/// `POST /agent/v1/pull` and `POST /agent/v1/report`.
pub(crate) fn routes() -> Router<Rest> {
    Router::new().route("/agent/v1/pull", post(pull)).route("/agent/v1/report", post(report))
}

async fn pull(State(rest): State<Rest>, request: Request) -> Result<impl IntoResponse, Refusal> {
    let mut command: PullRequest = read(request).await?;
    command.wait_ms = command.wait_ms.min(LONGEST_POLL_MS);
    let node = app::linked_node(rest.app()).await?;
    tokio::select! {
        news = app::pull(rest.app(), &node, command) => Ok(Json(news?)),
        // An agent that waits would keep the server from ending; it asks the next one.
        () = rest.shutdown().begun() => {
            Err(Refusal::new(Code::Unavailable, "the server is ending").retry_after(Duration::ZERO))
        }
    }
}

async fn report(State(rest): State<Rest>, request: Request) -> Result<impl IntoResponse, Refusal> {
    let command: Report = read(request).await?;
    let node = app::linked_node(rest.app()).await?;
    app::report(rest.app(), &node, command).await?;
    Ok(axum::http::StatusCode::NO_CONTENT)
}

/// Reads a message of the agent. Whoever is not a local process has no business here, whatever the routing.
async fn read<T: DeserializeOwned>(request: Request) -> Result<T, Refusal> {
    if !matches!(request.extensions().get::<Peer>(), Some(Peer::Local { .. })) {
        return Err(Refusal::new(Code::Forbidden, "agents ask over their own socket"));
    }
    let bytes = read_body(request).await?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Refusal::new(Code::BodyMalformed, format!("not a message of an agent: {error}")))
}
