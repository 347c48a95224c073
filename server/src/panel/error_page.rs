//! What a person sees instead of a page: the same problems as everywhere, as a page.

use askama::Template;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use berth_core::id::RequestId;
use berth_core::{Code, Problems};
use chrono::DateTime;

use super::answer::{page, see};
use super::shell::Shell;
use super::words::Words;

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    s: Shell,
    title: String,
    lines: Vec<String>,
    request: String,
}

/// What the request was, as far as the page depends on it.
pub(crate) struct Asked {
    wants_page: bool,
    live: bool,
    words: Words,
    request: RequestId,
}

impl Asked {
    /// A request of a program.
    #[cfg(test)]
    pub(crate) fn program() -> Self {
        let id = RequestId(uuid::Uuid::nil());
        Self::new("/api/v1", &Method::GET, &HeaderMap::new(), id)
    }

    /// Looks at a request before it is answered. Programs ask below `/api`, or for something else than a page.
    pub(crate) fn new(path: &str, method: &Method, headers: &HeaderMap, request: RequestId) -> Self {
        let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let program = ["/api/", "/health/", "/metrics", "/agent"].iter().any(|start| path.starts_with(start));
        Self {
            wants_page: !program && accept.contains("text/html") || headers.contains_key("hx-request"),
            live: headers.contains_key("hx-request") && method == Method::GET,
            words: Words::accepted(headers),
            request,
        }
    }
}

/// The page for problems, if the request came from a browser.
pub(crate) fn in_place_of(asked: &Asked, status: StatusCode, problems: &Problems) -> Option<Response> {
    if !asked.wants_page {
        return None;
    }
    let leading = problems.leading()?;
    if leading.code == Code::Unauthenticated && !asked.live {
        return Some(see("/login"));
    }
    let words = asked.words;
    let title = match status.as_u16() {
        404 => words.t("error-not-found"),
        401 | 403 => words.t("error-forbidden"),
        500.. => words.t("error-internal"),
        _ => words.t("error-refused"),
    };
    let mut lines: Vec<String> = problems.iter().map(|problem| words.problem(problem)).collect();
    if let Some(hint) = leading.hint.as_ref().filter(|hint| !hint.contains('`')) {
        lines.push(words.with("error-hint", "hint", hint));
    }
    let s = Shell::door(words, DateTime::UNIX_EPOCH, None, String::new()).titled("", title.clone());
    let made = ErrorPage { s, title, lines, request: asked.request.to_string() };
    let mut response = page(&made).ok()?;
    *response.status_mut() = status;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Some(response)
}
