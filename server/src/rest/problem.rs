//! Problems as `application/problem+json` (RFC 9457).

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use berth_core::id::RequestId;
use berth_core::{Code, Problem, Problems};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::panel::{self, Asked, Written};

/// The media type of refusals.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// What a refused request is answered with: the leading problem on top, all of them in `problems`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProblemDocument {
    /// `urn:berth:problem:<code>`.
    #[serde(rename = "type")]
    #[schema(example = "urn:berth:problem:username_taken")]
    pub kind: String,
    /// A short sentence that is the same for every occurrence.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong in this case.
    pub detail: String,
    /// Stable identifier of the kind of problem.
    pub code: Code,
    /// Name of the input field at fault, if one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// How to mend it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The request, as the journal and the audit log name it.
    #[schema(value_type = String, format = Uuid)]
    pub request_id: RequestId,
    /// Everything that is wrong, in the order in which it was found.
    pub problems: Vec<Problem>,
}

impl ProblemDocument {
    /// Describes problems for the outside. `Problems` without a problem would be a fault of ours, and is
    /// reported as one.
    fn new(problems: Problems, request_id: RequestId) -> Self {
        let problems = if problems.is_empty() { internal() } else { problems };
        let leading = problems.leading().cloned().unwrap_or_else(|| Problem::new(Code::Internal, INTERNAL));
        Self {
            kind: format!("urn:berth:problem:{}", leading.code),
            title: leading.code.title().to_owned(),
            status: leading.code.http_status(),
            detail: leading.detail,
            code: leading.code,
            field: leading.field,
            hint: leading.hint,
            request_id,
            problems: problems.into_iter().collect(),
        }
    }
}

const INTERNAL: &str = "the request could not be completed; the journal of berth.service says why";

fn internal() -> Problems {
    Problem::new(Code::Internal, INTERNAL).into()
}

/// A request that is refused. The body is written by [`render`], where the request's id is known.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    problems: Problems,
    retry_after: Option<Duration>,
}

impl Refusal {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Problem::new(code, detail).into()
    }

    /// A fault of ours; `what` goes to the journal only.
    pub(crate) fn internal(what: &str) -> Self {
        tracing::error!(what, "request failed");
        internal().into()
    }

    /// Says when trying again makes sense.
    pub(crate) fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    pub(crate) fn problems(&self) -> &Problems {
        &self.problems
    }

    fn status(&self) -> StatusCode {
        let status = self.problems.leading().map_or(500, |problem| problem.code.http_status());
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl From<Problems> for Refusal {
    fn from(problems: Problems) -> Self {
        let seconds = problems.iter().filter_map(|problem| problem.retry_after).max();
        let retry_after = seconds.map(|seconds| Duration::from_secs(seconds.into()));
        Self { problems, retry_after }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Problems::from(problem).into()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Gives every unsuccessful answer its problem document, also those that the framework made itself.
pub(crate) fn render(mut response: Response, request: RequestId, asked: &Asked) -> Response {
    let status = response.status();
    let written = response.extensions().get::<Written>().is_some();
    if written || !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let refusal = match response.extensions_mut().remove::<Refusal>() {
        Some(refusal) => refusal,
        None => from_status(status),
    };
    if let Some(mut page) = panel::in_place_of(asked, status, refusal.problems()) {
        page.extensions_mut().insert(refusal);
        return page;
    }
    let mut headers = std::mem::take(response.headers_mut());
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"berth\""));
    }
    if let Some(wait) = refusal.retry_after {
        // Rounded up, so that whoever obeys is not refused again.
        headers.insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().saturating_add(1)));
    }
    let document = ProblemDocument::new(refusal.problems.clone(), request);
    let body = serde_json::to_vec(&document).unwrap_or_default();
    let mut answer = Response::new(Body::from(body));
    *answer.status_mut() = refusal.status();
    *answer.headers_mut() = headers;
    // Kept for the log line of the request.
    answer.extensions_mut().insert(refusal);
    answer
}

/// The problem behind a status that the framework chose without us.
fn from_status(status: StatusCode) -> Refusal {
    let (code, detail) = match status {
        StatusCode::NOT_FOUND => (Code::NotFound, "there is nothing at this address"),
        StatusCode::METHOD_NOT_ALLOWED => {
            (Code::MethodNotAllowed, "this address knows other methods only; see the Allow header")
        }
        StatusCode::PAYLOAD_TOO_LARGE => (Code::BodyTooLarge, "the body is too large"),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => (Code::MediaTypeUnsupported, "send application/json"),
        StatusCode::REQUEST_TIMEOUT | StatusCode::GATEWAY_TIMEOUT => {
            (Code::Timeout, "the request took too long")
        }
        status if status.is_client_error() => (Code::BodyMalformed, "the request can't be understood"),
        _ => (Code::Internal, INTERNAL),
    };
    Refusal::new(code, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_leading_problem_is_on_top_and_none_is_lost() {
        let problems: Problems = [
            Problem::new(Code::EmailInvalid, "no @").at("email").hint("write it"),
            Problem::new(Code::UsernameTaken, "taken").at("username"),
        ]
        .into_iter()
        .collect();
        let document = ProblemDocument::new(problems, RequestId(uuid::Uuid::nil()));
        assert_eq!(document.code, Code::UsernameTaken);
        assert_eq!(document.kind, "urn:berth:problem:username_taken");
        assert_eq!((document.status, document.field.as_deref()), (409, Some("username")));
        assert_eq!(document.problems.len(), 2);
    }

    #[test]
    fn every_code_of_the_catalogue_has_a_status_that_http_knows() {
        for code in Code::ALL {
            let response = render(
                Refusal::new(*code, "x").into_response(),
                RequestId(uuid::Uuid::nil()),
                &Asked::program(),
            );
            assert_eq!(response.status().as_u16(), code.http_status(), "{code}");
            assert!(response.status().canonical_reason().is_some(), "{code}");
            assert_eq!(response.headers()[header::CONTENT_TYPE], MEDIA_TYPE, "{code}");
        }
    }
}
