//! Pages for people: the front page and the description of the API.

mod api_page;
mod front_page;
mod html;

use axum::Router;
use axum::http::header;
use axum::response::{Html, IntoResponse};
use axum::routing::get;

use crate::rest::Rest;

pub(crate) use api_page::describe;

const STYLE: &str = include_str!("style.css");

/// The pages themselves and what they load; nothing comes from another host.
pub(crate) fn routes() -> Router<Rest> {
    Router::new().route("/", get(front)).route(html::STYLE_PATH, get(style))
}

async fn front() -> impl IntoResponse {
    Html(front_page::render())
}

async fn style() -> impl IntoResponse {
    // Pages name the version, so that an upgrade is seen at once.
    let headers =
        [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "public, max-age=86400")];
    (headers, STYLE)
}
