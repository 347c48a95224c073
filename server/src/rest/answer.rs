//! Successful answers.

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use berth_core::view::Page;
use serde::Serialize;

use super::problem::Refusal;
use crate::app::Outcome;

/// What every handler answers.
pub(crate) type Answer = Result<Response, Refusal>;

/// `200` with what was read.
pub(crate) fn read<T: Serialize>(value: &T) -> Response {
    Json(value).into_response()
}

/// `200` with a list that comes as a whole.
pub(crate) fn listed<T: Serialize>(items: Vec<T>) -> Response {
    read(&Page { items, next: None })
}

/// `200` with what was read and its version as entity tag.
pub(crate) fn versioned<T: Serialize>(value: &T, version: i64) -> Response {
    let mut response = Json(value).into_response();
    response.headers_mut().insert(header::ETAG, tag(version));
    response
}

/// `200` with what was changed, or the answer of the dry run.
pub(crate) fn changed<T: Serialize>(outcome: &Outcome<T>) -> Response {
    match outcome {
        Outcome::Done(value) => Json(value).into_response(),
        dry => rehearsed(dry),
    }
}

/// `200` with what was changed and its new version, or the answer of the dry run.
pub(crate) fn edited<T: Serialize>(outcome: &Outcome<T>, version: impl FnOnce(&T) -> i64) -> Response {
    match outcome {
        Outcome::Done(value) => versioned(value, version(value)),
        dry => rehearsed(dry),
    }
}

/// `201` with what was created and where it is, or the answer of the dry run.
pub(crate) fn created<T: Serialize>(outcome: &Outcome<T>, place: impl FnOnce(&T) -> String) -> Response {
    match outcome {
        Outcome::Done(value) => {
            let mut headers = HeaderMap::new();
            if let Ok(place) = HeaderValue::try_from(place(value)) {
                headers.insert(header::LOCATION, place);
            }
            (StatusCode::CREATED, headers, Json(value)).into_response()
        }
        dry => rehearsed(dry),
    }
}

/// `204` after a removal, or the answer of the dry run.
pub(crate) fn removed<T>(outcome: &Outcome<T>) -> Response {
    match outcome {
        Outcome::Done(_) => StatusCode::NO_CONTENT.into_response(),
        dry => rehearsed(dry),
    }
}

/// `200` with the plan, `204` if nothing but a check was asked for.
fn rehearsed<T>(outcome: &Outcome<T>) -> Response {
    match outcome {
        Outcome::Planned(plan) => Json(plan).into_response(),
        Outcome::Done(_) | Outcome::Checked => StatusCode::NO_CONTENT.into_response(),
    }
}

fn tag(version: i64) -> HeaderValue {
    HeaderValue::try_from(format!("\"{version}\"")).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}
