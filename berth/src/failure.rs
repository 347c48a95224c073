//! Why a command did not do what it was asked to.

use std::fmt::Display;

use berth_core::problem::ExitCode;
use berth_core::{Code, Problem, Problems};
use serde::{Deserialize, Serialize};

/// A failed command: what is printed and the exit status.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What the caller gets to read.
    pub(crate) document: Box<Document>,
    /// What the process ends with.
    pub(crate) exit: ExitCode,
    /// Whether standard output has its document already, so that this one is for people only.
    pub(crate) answered: bool,
}

/// A problem document (RFC 9457) as the server sends it. Codes stay text, because a newer server may know
/// more of them than this program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Document {
    #[serde(rename = "type", default)]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) title: String,
    #[serde(default)]
    pub(crate) status: u16,
    #[serde(default)]
    pub(crate) detail: String,
    #[serde(default)]
    pub(crate) code: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) field: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) request_id: Option<String>,
    #[serde(default)]
    pub(crate) problems: Vec<Entry>,
}

/// One of the problems of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) code: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) field: Option<String>,
    #[serde(default)]
    pub(crate) detail: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<String>,
}

impl Failure {
    /// A document that the server sent.
    pub(crate) fn told(document: Document) -> Self {
        let exit = exit_code(&document.code, document.status);
        Self { document: Box::new(document), exit, answered: false }
    }

    /// The command line itself is at fault.
    pub(crate) fn usage(detail: impl Into<String>, hint: impl Into<String>) -> Self {
        let mut failure = Self::from(Problem::new(Code::ValueInvalid, detail).hint(hint));
        failure.exit = ExitCode::Usage;
        failure
    }

    /// A file or another part of this machine can't be used.
    pub(crate) fn local(operation: impl Display, error: impl Display) -> Self {
        Problem::new(Code::Internal, format!("{operation}: {error}")).into()
    }

    /// The server can't be reached.
    pub(crate) fn unreachable(detail: impl Into<String>, hint: impl Into<String>) -> Self {
        Problem::new(Code::Unavailable, detail).hint(hint).into()
    }

    /// Everything is stored, but the node does not show it yet. The answer itself is on standard output.
    pub(crate) fn not_converged(problems: Vec<Problem>) -> Self {
        let mut failure = Self::from(problems.into_iter().collect::<Problems>());
        failure.exit = ExitCode::NotConverged;
        failure.answered = true;
        failure
    }

    /// The same failure, after the command's answer has gone to standard output.
    pub(crate) fn after_answer(mut self) -> Self {
        self.answered = true;
        self
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Problems::from(problem).into()
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        let internal = Problem::new(Code::Internal, "the operation failed without saying why");
        let leading = problems.leading().unwrap_or(&internal).clone();
        Self {
            exit: leading.code.exit_code(),
            document: Box::new(Document {
                kind: format!("urn:berth:problem:{}", leading.code),
                title: leading.code.title().to_owned(),
                status: leading.code.http_status(),
                detail: leading.detail,
                code: leading.code.to_string(),
                field: leading.field,
                hint: leading.hint,
                request_id: None,
                problems: problems.into_iter().map(Entry::from).collect(),
            }),
            answered: false,
        }
    }
}

impl From<Problem> for Entry {
    fn from(problem: Problem) -> Self {
        Self {
            code: problem.code.to_string(),
            field: problem.field,
            detail: problem.detail,
            hint: problem.hint,
        }
    }
}

impl Display for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(field) = &self.field {
            write!(f, "{field}: ")?;
        }
        write!(f, "{} [{}]", self.detail, self.code)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// The exit status for a code, or for the HTTP status of a code that this program does not know.
fn exit_code(code: &str, status: u16) -> ExitCode {
    if let Some(known) = Code::ALL.iter().find(|known| known.as_str() == code) {
        return known.exit_code();
    }
    match status {
        401 | 403 => ExitCode::Refused,
        404 | 410 => ExitCode::NotFound,
        409 | 412 => ExitCode::Conflict,
        429 | 502 | 503 | 504 => ExitCode::Unavailable,
        400..=499 => ExitCode::Invalid,
        _ => ExitCode::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(code: &str, status: u16) -> u8 {
        let document = serde_json::json!({"code": code, "status": status});
        Failure::told(serde_json::from_value(document).unwrap()).exit as u8
    }

    #[test]
    fn every_code_has_the_exit_status_of_the_catalogue() {
        for code in Code::ALL {
            assert_eq!(told(code.as_str(), 200), code.exit_code() as u8, "{code}");
        }
    }

    #[test]
    fn a_code_of_a_newer_server_falls_back_to_the_http_status() {
        for (status, exit) in [
            (401, 6),
            (403, 6),
            (404, 5),
            (409, 4),
            (412, 4),
            (422, 3),
            (400, 3),
            (429, 7),
            (503, 7),
            (500, 1),
        ] {
            assert_eq!(told("from_the_future", status), exit, "{status}");
        }
    }

    #[test]
    fn the_gravest_problem_decides() {
        let problems: Problems = [
            Problem::new(Code::FieldMissing, "no package").at("package"),
            Problem::new(Code::UsernameTaken, "taken").at("username"),
        ]
        .into_iter()
        .collect();
        let failure = Failure::from(problems);
        assert_eq!(failure.exit, ExitCode::Conflict);
        assert_eq!(failure.document.code, "username_taken");
        assert_eq!(failure.document.problems.len(), 2);
    }

    #[test]
    fn a_line_names_field_detail_code_and_hint() {
        let entry = Entry::from(
            Problem::new(Code::UsernameTaken, "`bob` exists").at("username").hint("choose another"),
        );
        assert_eq!(entry.to_string(), "username: `bob` exists [username_taken] (choose another)");
    }
}
