//! What handlers of pages answer.

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use berth_core::{Code, Problem, Problems};

use crate::rest::Refusal;

/// What a handler answers.
pub(crate) type Answer = Result<Response, Refused>;

/// A page that could not be made. The outermost layer writes it in the visitor's form: a page for a browser.
#[derive(Debug)]
pub(crate) struct Refused(pub(crate) Problems);

impl Refused {
    pub(crate) fn new(code: Code, detail: &str) -> Self {
        Self(Problem::new(code, detail).into())
    }
}

impl From<Problems> for Refused {
    fn from(problems: Problems) -> Self {
        Self(problems)
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self(problem.into())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        Refusal::from(self.0).into_response()
    }
}

/// `200` with a page.
pub(crate) fn page(template: &impl Template) -> Answer {
    with_status(StatusCode::OK, template)
}

/// `422` with the form that was sent, and what is wrong with it.
pub(crate) fn again(template: &impl Template) -> Answer {
    with_status(StatusCode::UNPROCESSABLE_ENTITY, template)
}

pub(crate) fn with_status(status: StatusCode, template: &impl Template) -> Answer {
    let text = template.render().map_err(|error| {
        tracing::error!(%error, "a page can't be written");
        Refused::new(Code::Internal, "the page can't be written; the journal of berth.service says why")
    })?;
    let mut response = (status, Html(text)).into_response();
    response.extensions_mut().insert(Written);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_POLICY));
    Ok(response)
}

/// Marks an answer whose body stands, whatever its status: a page that says itself what is wrong.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Written;

/// What a page may load and do: its own style, script and forms, and nothing that stands in the page itself.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// `303` to a page of ours, after something has been done.
pub(crate) fn see(path: &str) -> Response {
    Redirect::to(path).into_response()
}

/// Has a browser take a file instead of showing it.
pub(crate) fn download(kind: &'static str, name: &str, text: String) -> Response {
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(value) = HeaderValue::try_from(format!("attachment; filename=\"{name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}
