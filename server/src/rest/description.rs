//! The API's description: as a document for programs and as a page for people.

use std::sync::Arc;

use axum::Router;
use axum::http::header;
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use utoipa::openapi::OpenApi;

use super::Rest;
use crate::openapi;
use crate::panel;

/// Both forms, written once.
pub(super) struct Served {
    document: Arc<str>,
    page: Arc<str>,
}

impl Served {
    pub(super) fn new(document: &OpenApi) -> Self {
        let document = openapi::text(document);
        let page = panel::describe(&serde_json::from_str(&document).unwrap_or_default());
        Self { document: document.into(), page: page.into() }
    }

    /// `GET /api/v1/openapi.json` and `GET /api/v1/docs`.
    pub(super) fn routes(self) -> Router<Rest> {
        let Self { document, page } = self;
        Router::new()
            .route(
                "/api/v1/openapi.json",
                get(async move || {
                    ([(header::CONTENT_TYPE, "application/json")], document.to_string()).into_response()
                }),
            )
            .route("/api/v1/docs", get(async move || Html(page.to_string()).into_response()))
    }
}
