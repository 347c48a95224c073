//! Reading the variable parts of a path.
//!
//! A text that can't be a name of its kind names nothing that exists, so it answers as what it is: not found.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use berth_core::log::LogKind;
use berth_core::name::{Fqdn, PackageName};
use berth_core::role::UserRef;
use berth_core::timer::TimerName;
use berth_core::web_user::WebUserLogin;
use berth_core::{Code, Parse, Problem};

use super::problem::Refusal;

/// The variable parts of the path of a request.
pub(crate) struct PathParts(RawPathParams);

impl<S: Send + Sync> FromRequestParts<S> for PathParts {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        RawPathParams::from_request_parts(parts, state)
            .await
            .map(Self)
            .map_err(|_| Refusal::new(Code::NotFound, "the address holds bytes that are not UTF-8"))
    }
}

impl PathParts {
    /// `{user}`: an id, login or email address.
    pub(crate) fn user(&self) -> Result<UserRef, Refusal> {
        self.parsed("user", Code::UserNotFound)
    }

    /// `{fqdn}`
    pub(crate) fn domain(&self) -> Result<Fqdn, Refusal> {
        self.parsed("fqdn", Code::DomainNotFound)
    }

    /// `{login}`
    pub(crate) fn web_user(&self) -> Result<WebUserLogin, Refusal> {
        self.parsed("login", Code::WebUserNotFound)
    }

    /// `{timer}`
    pub(crate) fn timer(&self) -> Result<TimerName, Refusal> {
        self.parsed("timer", Code::TimerNotFound)
    }

    /// `{package}`
    pub(crate) fn package(&self) -> Result<PackageName, Refusal> {
        self.parsed("package", Code::PackageNotFound)
    }

    /// `{kind}`
    pub(crate) fn log(&self) -> Result<LogKind, Refusal> {
        self.parsed("kind", Code::NotFound)
    }

    /// A part that the verb itself looks up.
    pub(crate) fn text(&self, name: &str) -> Result<&str, Refusal> {
        self.0
            .iter()
            .find_map(|(key, value)| (key == name).then_some(value))
            .ok_or_else(|| Refusal::internal("a route lacks the part of the path that its handler reads"))
    }

    /// An id, or the code for something that does not exist.
    pub(crate) fn id<T: std::str::FromStr>(&self, name: &str, missing: Code) -> Result<T, Refusal> {
        self.text(name)?.parse().map_err(|_| Refusal::new(missing, "this is not an id"))
    }

    fn parsed<T: Parse>(&self, name: &str, missing: Code) -> Result<T, Refusal> {
        T::parse(self.text(name)?).map_err(|problem| Problem { code: missing, field: None, ..problem }.into())
    }
}
