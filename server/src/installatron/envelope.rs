//! What every answer is wrapped in.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use berth_core::{Code, Problem, Problems};
use serde::Serialize;
use serde_json::Value;

use crate::panel::Written;

/// An answer. Its fields come in the order of the vendor's own examples.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Envelope {
    result: bool,
    status: u16,
    errcode: Option<String>,
    errfield: Option<String>,
    message: String,
    data: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_id: Option<String>,
}

/// What the message of every success says.
const DONE: &str = "The task is complete.\n";

impl Envelope {
    /// It is done.
    pub(super) fn done(data: Value) -> Self {
        Self {
            result: true,
            status: 200,
            errcode: None,
            errfield: None,
            message: DONE.to_owned(),
            data,
            total_count: None,
            session_id: None,
        }
    }

    /// It could be done.
    pub(super) fn rehearsed() -> Self {
        Self { errcode: Some("complete_dryrun".to_owned()), ..Self::done(Value::Null) }
    }

    /// One page of several.
    pub(super) fn page(data: Value, total_count: u64) -> Self {
        Self { total_count: Some(total_count), ..Self::done(data) }
    }

    /// It can't be done. The first problem gives code and field; the message tells all of them.
    pub(super) fn refusal(problems: &Problems) -> Self {
        let internal = Problem::new(Code::Internal, "the request could not be completed");
        let first = problems.leading().unwrap_or(&internal);
        let (status, errcode) = code_of(first);
        let lines: Vec<String> = problems.iter().map(sentence).collect();
        let message = if lines.is_empty() { sentence(&internal) } else { lines.join("\n") };
        Self {
            result: false,
            status,
            errcode: Some(errcode),
            errfield: first.field.clone(),
            message,
            data: Value::Null,
            total_count: None,
            session_id: None,
        }
    }
}

fn sentence(problem: &Problem) -> String {
    let place = problem.field.as_ref().map(|field| format!("{field}: ")).unwrap_or_default();
    match &problem.hint {
        Some(hint) => format!("{place}{} ({hint})", problem.detail),
        None => format!("{place}{}", problem.detail),
    }
}

/// The vendor's codes: documented ones, and for the rest the pattern of its other calls.
fn code_of(problem: &Problem) -> (u16, String) {
    let field = problem.field.as_deref().map(last_part).filter(|field| !field.is_empty());
    match (problem.code, field) {
        (Code::Unauthenticated, _) => (403, "invalid_api_key".to_owned()),
        (Code::UserNotFound, _) => (404, "user_not_found".to_owned()),
        (_, Some("id")) => (403, "invalid_argument_id".to_owned()),
        (Code::FieldMissing, Some(field)) => (400, format!("empty_argument_{field}")),
        (Code::Forbidden, None) => (403, "permission_denied".to_owned()),
        (_, Some(field)) => (400, format!("invalid_argument_{field}")),
        (code, None) => (code.http_status(), code.as_str().to_owned()),
    }
}

/// `path` of `websites[0][path]`, `databases` of `websites[0][databases][1]`.
fn last_part(field: &str) -> &str {
    field
        .rsplit('[')
        .map(|part| part.trim_end_matches(']'))
        .find(|part| !part.is_empty() && !part.bytes().all(|b| b.is_ascii_digit()))
        .unwrap_or_default()
}

impl IntoResponse for Envelope {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self)).into_response();
        response.extensions_mut().insert(Written);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_of_the_catalogue_has_an_answer() {
        for code in Code::ALL {
            let (status, errcode) = code_of(&Problem::new(*code, "x"));
            assert!((400..600).contains(&status) && !errcode.is_empty(), "{code:?}");
        }
    }

    #[test]
    fn codes_follow_the_vendors_pattern() {
        let check = |code: Code, field: &str, status: u16, errcode: &str| {
            assert_eq!(code_of(&Problem::new(code, "x").at(field)), (status, errcode.to_owned()), "{field}");
        };
        check(Code::UsernameInvalid, "id", 403, "invalid_argument_id");
        check(Code::FieldMissing, "id", 403, "invalid_argument_id");
        check(Code::FieldMissing, "websites[0][path]", 400, "empty_argument_path");
        check(Code::ValueInvalid, "websites[0][path]", 400, "invalid_argument_path");
        check(Code::FieldMissing, "websites[1][databases][0][pass]", 400, "empty_argument_pass");
        check(Code::ConnectionFailed, "websites[1][databases][0]", 400, "invalid_argument_databases");
        check(Code::FieldMissing, "user", 400, "empty_argument_user");
    }
}
