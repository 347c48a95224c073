//! Pages for people: the panel, and the description of the API.
//!
//! Handlers read a form or an address, call one verb of [`crate::app`] and show what it answered. Every page
//! works without a script; what makes it live is in `assets`.

mod answer;
mod api_page;
mod assets;
mod error_page;
mod form;
mod html;
pub(crate) mod page;
mod qr;
mod shell;
mod visitor;
mod words;

use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::{get, post};

use crate::rest::Rest;
use page::{door, hosting, new_user, operate, own, person, search, styleguide, users};

pub(crate) use answer::Written;
pub(crate) use api_page::describe;
pub(crate) use error_page::{Asked, in_place_of};

const STYLE: &str = include_str!("style.css");

/// The pages and what they load; nothing comes from another host.
pub(crate) fn routes() -> Router<Rest> {
    Router::new()
        .route(html::STYLE_PATH, get(style))
        .route("/assets/{name}", get(assets::serve))
        .route("/favicon.svg", get(assets::icon))
        .merge(pages())
}

/// Everything that takes a session, and the way to one.
fn pages() -> Router<Rest> {
    Router::new()
        .route("/", get(door::front))
        .route("/login", get(door::ask).post(door::sign_in))
        .route("/login/code", get(door::ask_code).post(door::verify))
        .route("/login/enrol", get(door::ask_enrol).post(door::enrol))
        .route("/logout", post(door::sign_out))
        .route("/impersonation/end", post(door::end_impersonation))
        .route("/theme", post(door::theme))
        .route("/search", get(search::find))
        .route("/styleguide", get(styleguide::show))
        .route("/users", get(users::list))
        .route("/users.csv", get(users::export))
        .route("/users/new", get(new_user::ask).post(new_user::create))
        .route("/users/new/preview", post(new_user::preview))
        .route("/users/{user}", get(person::profile))
        .route("/users/{user}/profile", post(person::edit))
        .route("/users/{user}/resources/events", get(person::events))
        .route("/users/{user}/sessions/{session}", post(own::end_session))
        .route("/users/{user}/sites/{fqdn}", get(hosting::site))
        .route("/users/{user}/{tab}", get(person::tab).post(person::submit))
        .route("/users/{user}/{tab}/{entry}/{verb}", post(hosting::change))
        .route("/overview", get(own::overview))
        .route("/sites", get(hosting::own_sites))
        .route("/keys", get(hosting::own_keys))
        .route("/timers", get(hosting::own_timers))
        .route("/egress", get(hosting::own_egress))
        .route("/profile", get(own::profile))
        .route("/nodes", get(operate::nodes))
        .route("/nodes/{node}/audit", post(operate::audit_node))
        .route("/activity", get(operate::activity))
        .route("/audit", get(operate::audit).post(operate::verify))
        .route("/plans", get(operate::plans))
}

/// How something is, reduced to what a sign can say; templates choose sign and colour by it.
pub(crate) fn tone(state: &str) -> &'static str {
    match state {
        "converged" | "active" | "on" | "online" | "succeeded" => "good",
        "provisioning" | "pending" => "busy",
        "unsupported" | "suspended" | "silent" => "warn",
        "failed" | "trashed" => "bad",
        _ => "idle",
    }
}

async fn style() -> impl IntoResponse {
    // Pages name the version, so that an upgrade is seen at once.
    let headers =
        [(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "public, max-age=86400")];
    (headers, STYLE)
}
