//! What goes wrong, as Plesk's clients know it: a number and a text.

use berth_core::{Code, Problem, Problems};

use super::xml::XmlError;

/// A number with a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) code: u32,
    pub(super) text: String,
}

/// Wrong login or password.
pub(super) const WRONG_PASSWORD: u32 = 1001;
/// The version of the protocol is not supported.
pub(super) const VERSION: u32 = 1005;
/// Not allowed.
pub(super) const PERMISSION: u32 = 1006;
/// There is one already.
pub(super) const EXISTS: u32 = 1007;
/// The account is disabled.
pub(super) const DISABLED: u32 = 1011;
/// The login is locked for a while.
pub(super) const LOCKED: u32 = 1012;
/// There is none.
pub(super) const MISSING: u32 = 1013;
/// Not XML, or not of the form that is expected.
pub(super) const FORMAT: u32 = 1014;
/// What the thing belongs to is not there.
pub(super) const NO_OWNER: u32 = 1015;
/// Nothing is behind the operation.
pub(super) const UNSUPPORTED: u32 = 1017;
/// A value that can't be.
pub(super) const VALUE: u32 = 1019;
/// It could not be done.
pub(super) const FAILED: u32 = 1023;
/// A limit is reached.
pub(super) const LIMIT: u32 = 1024;
/// A status that can't be set.
pub(super) const STATUS: u32 = 1025;
/// A component is not installed.
pub(super) const NOT_INSTALLED: u32 = 1026;
/// The secret key is not valid.
pub(super) const SECRET_KEY: u32 = 11003;

impl Fault {
    pub(super) fn new(code: u32, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }

    /// A packet that does not have the form that is expected.
    pub(super) fn form(line: usize, what: impl std::fmt::Display) -> Self {
        Self::new(FORMAT, format!("Parser error: Request is invalid. Error in line {line}: {what}"))
    }

    /// An operation that there is nothing behind.
    pub(super) fn unsupported(what: &str) -> Self {
        Self::new(UNSUPPORTED, format!("{what} is not supported"))
    }
}

impl From<XmlError> for Fault {
    fn from(error: XmlError) -> Self {
        Self::new(
            FORMAT,
            format!(
                "Parser error: Cannot parse the XML from the source specified. Error in line {}: {}",
                error.line, error.what
            ),
        )
    }
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        let code = match problem.code {
            Code::Unauthenticated => WRONG_PASSWORD,
            Code::Forbidden => PERMISSION,
            Code::UserSuspended => DISABLED,
            Code::UsernameTaken
            | Code::EmailTaken
            | Code::DomainTaken
            | Code::PackageTaken
            | Code::WebUserTaken
            | Code::HomeExists => EXISTS,
            Code::DomainNotFound => return Self::new(NO_OWNER, "Domain does not exist"),
            Code::LimitExceeded => LIMIT,
            Code::WebServiceMissing => NOT_INSTALLED,
            Code::WebScriptsOff => FAILED,
            other => match other.http_status() {
                403 => PERMISSION,
                404 => MISSING,
                400 | 422 => VALUE,
                _ => FAILED,
            },
        };
        let text = match &problem.field {
            Some(field) => format!("{field}: {}", problem.detail),
            None => problem.detail,
        };
        Self::new(code, text)
    }
}

impl From<Problems> for Fault {
    fn from(problems: Problems) -> Self {
        match problems.leading().cloned() {
            Some(leading) => leading.into(),
            None => Self::new(FAILED, "the operation failed"),
        }
    }
}
