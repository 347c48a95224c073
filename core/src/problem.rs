//! The one problem catalogue: every way in which Berth refuses or fails, with its stable code.
//!
//! A [`Problem`] names what is wrong, where, and how to mend it. Dialects only translate it: HTTP status and
//! problem+json (RFC 9457), CLI exit code, later Plesk and Installatron codes. Adding a variant to [`Code`]
//! without a row for every dialect does not compile.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Exit codes of the command line, part of its documented interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Berth itself failed; the journal has the details.
    Internal = 1,
    /// The command line could not be understood.
    Usage = 2,
    /// A value was refused.
    Invalid = 3,
    /// Something of that name exists already, or the state forbids the change.
    Conflict = 4,
    /// The object does not exist, or the caller may not know that it does.
    NotFound = 5,
    /// The caller may not do this.
    Refused = 6,
    /// A part of Berth can't be reached or is too busy; trying again may help.
    Unavailable = 7,
    /// The change is stored, but a resource on the node failed to converge.
    NotConverged = 8,
}

macro_rules! catalogue {
    ($($(#[$doc:meta])* $variant:ident => $code:literal, $status:literal, $exit:ident, $title:literal;)+) => {
        /// A stable, documented identifier of a kind of problem.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        pub enum Code {
            $($(#[$doc])* #[serde(rename = $code)] $variant,)+
        }

        impl Code {
            /// Every code, in the order of the catalogue.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The code as it appears in answers and documentation.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// The HTTP status (RFC 9110) that REST answers with.
            pub const fn http_status(self) -> u16 {
                match self { $(Self::$variant => $status,)+ }
            }

            /// The exit status of the command line.
            pub const fn exit_code(self) -> ExitCode {
                match self { $(Self::$variant => ExitCode::$exit,)+ }
            }

            /// A short sentence for people that is the same for every occurrence.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)+ }
            }
        }
    };
}

catalogue! {
    /// A required field is absent or empty.
    FieldMissing => "field_missing", 422, Invalid, "A required field is missing";
    /// A field that this operation does not know.
    FieldUnknown => "field_unknown", 422, Invalid, "The field is not known here";
    /// A field of the wrong type or outside its range.
    ValueInvalid => "value_invalid", 422, Invalid, "The value is not acceptable";
    /// Not a username by the rules.
    UsernameInvalid => "username_invalid", 422, Invalid, "The username is not valid";
    /// A name that the system or Berth keeps for itself.
    UsernameReserved => "username_reserved", 422, Invalid, "The username is reserved";
    /// The name belongs to somebody in Berth or to an account or group on the node.
    UsernameTaken => "username_taken", 409, Conflict, "The username is already in use";
    /// A directory of that name is left below `/home`.
    HomeExists => "home_exists", 409, Conflict, "A home directory of that name is left on the node";
    /// Not an email address.
    EmailInvalid => "email_invalid", 422, Invalid, "The email address is not valid";
    /// Another user signs in with this address.
    EmailTaken => "email_taken", 409, Conflict, "The email address is already in use";
    /// Not usable as a person's name.
    DisplayNameInvalid => "display_name_invalid", 422, Invalid, "The display name is not valid";
    /// Not a role.
    RoleInvalid => "role_invalid", 422, Invalid, "The role is not known";
    /// Not a host name below a public suffix.
    DomainInvalid => "domain_invalid", 422, Invalid, "The domain name is not valid";
    /// The domain, or one above or below it, belongs to another account.
    DomainTaken => "domain_taken", 409, Conflict, "The domain already exists";
    /// The account's primary domain can't be taken away.
    DomainPrimary => "domain_primary", 409, Conflict, "The primary domain can't be removed";
    /// No such domain.
    DomainNotFound => "domain_not_found", 404, NotFound, "The domain does not exist";
    /// The password breaks a rule.
    PasswordInvalid => "password_invalid", 422, Invalid, "The password is not acceptable";
    /// Not a package name.
    PackageNameInvalid => "package_name_invalid", 422, Invalid, "The package name is not valid";
    /// A package of that name exists.
    PackageTaken => "package_taken", 409, Conflict, "A package of that name exists";
    /// No such package.
    PackageNotFound => "package_not_found", 404, NotFound, "The package does not exist";
    /// Accounts still use the package.
    PackageInUse => "package_in_use", 409, Conflict, "The package is in use";
    /// Not a limit.
    LimitInvalid => "limit_invalid", 422, Invalid, "The limit is not valid";
    /// The package does not allow one more.
    LimitExceeded => "limit_exceeded", 409, Conflict, "The package's limit is reached";
    /// Not a public key that Berth accepts.
    SshKeyInvalid => "ssh_key_invalid", 422, Invalid, "The SSH key is not acceptable";
    /// The account has this key already.
    SshKeyTaken => "ssh_key_taken", 409, Conflict, "The SSH key is already there";
    /// No such key.
    SshKeyNotFound => "ssh_key_not_found", 404, NotFound, "The SSH key does not exist";
    /// The package does not include SFTP.
    SftpNotIncluded => "sftp_not_included", 409, Conflict, "The package does not include SFTP";
    /// No such user.
    UserNotFound => "user_not_found", 404, NotFound, "The user does not exist";
    /// The user has no hosting account.
    AccountMissing => "account_missing", 409, Conflict, "The user has no hosting account";
    /// The change would leave no enabled admin.
    LastAdmin => "last_admin", 409, Conflict, "The last administrator can't lose the role";
    /// Not allowed on oneself.
    SelfChange => "self_change", 409, Conflict, "This can't be done to oneself";
    /// No such node.
    NodeNotFound => "node_not_found", 404, NotFound, "The node does not exist";
    /// No node takes accounts.
    NodeMissing => "node_missing", 503, Unavailable, "No node can take the account";
    /// Every numeric id of the configured range has been used.
    IdsExhausted => "ids_exhausted", 503, Unavailable, "No numeric id is left";
    /// No such API key.
    ApiKeyNotFound => "api_key_not_found", 404, NotFound, "The API key does not exist";
    /// There is nothing at this address.
    NotFound => "not_found", 404, NotFound, "There is nothing here";
    /// The address does not know this method.
    MethodNotAllowed => "method_not_allowed", 405, Usage, "The method is not allowed here";
    /// Who is asking is not known.
    Unauthenticated => "unauthenticated", 401, Refused, "Sign in first";
    /// The caller may not do this.
    Forbidden => "forbidden", 403, Refused, "This is not allowed";
    /// The object changed since it was read.
    PreconditionFailed => "precondition_failed", 412, Conflict, "The object has changed meanwhile";
    /// The idempotency key was used for another request.
    IdempotencyConflict => "idempotency_conflict", 409, Conflict, "The idempotency key was used for another request";
    /// Not a cursor of this list.
    CursorInvalid => "cursor_invalid", 422, Invalid, "The cursor is not valid";
    /// The body can't be read at all.
    BodyMalformed => "body_malformed", 400, Invalid, "The body can't be read";
    /// The body is too large.
    BodyTooLarge => "body_too_large", 413, Invalid, "The body is too large";
    /// The body is of another media type.
    MediaTypeUnsupported => "media_type_unsupported", 415, Invalid, "The media type is not supported";
    /// Too many requests in a short time.
    RateLimited => "rate_limited", 429, Unavailable, "Too many requests";
    /// A part that is needed can't be reached.
    Unavailable => "unavailable", 503, Unavailable, "A part of Berth can't be reached";
    /// The request took too long.
    Timeout => "timeout", 504, Unavailable, "The request took too long";
    /// Berth itself is at fault.
    Internal => "internal", 500, Internal, "Berth failed";
    /// The audit log has been altered.
    AuditBroken => "audit_broken", 500, Internal, "The audit log does not verify";
    /// Reading or changing something on the node failed.
    HostFailed => "host_failed", 500, NotConverged, "An operation on the node failed";
    /// An account or group of that name or number exists on the node and is not ours.
    AccountForeign => "account_foreign", 409, NotConverged, "The node has an account of that name that is not Berth's";
    /// The web server refuses the site's configuration.
    SiteRejected => "site_rejected", 422, NotConverged, "The web server refuses the site's configuration";
    /// The web server's configuration as a whole is refused.
    WebServerFailed => "web_server_failed", 500, NotConverged, "The web server can't be reconfigured";
    /// The SSH server refuses its configuration.
    SshServerFailed => "ssh_server_failed", 500, NotConverged, "The SSH server can't be reconfigured";
    /// PHP does not start or keeps failing.
    PhpFailed => "php_failed", 500, NotConverged, "PHP does not start for this account";
    /// The node can't keep a user manager running.
    LingerUnsupported => "linger_unsupported", 501, NotConverged, "The node can't keep timers running without a session";
    /// The file system has no access control lists.
    AclUnsupported => "acl_unsupported", 501, NotConverged, "The file system of the home has no access control lists";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing that is wrong: what, where, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Stable identifier.
    pub code: Code,
    /// Name of the input field at fault, if one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What is wrong in this case; never holds a secret.
    pub detail: String,
    /// How to mend it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Problem {
    /// A problem that concerns no particular field.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, field: None, detail: detail.into(), hint: None }
    }

    /// The same problem, said of an input field.
    #[must_use]
    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// The same problem with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            Some(field) => write!(f, "{field}: {} [{}]", self.detail, self.code)?,
            None => write!(f, "{} [{}]", self.detail, self.code)?,
        }
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}

/// One or more problems that are reported together. Never empty once it is an error.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// No problem yet.
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// Adds a problem.
    pub fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    /// Adds all problems of another collection.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Whether nothing has gone wrong so far.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The problems in the order in which they were found.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }

    /// The problem that decides the status of the whole answer: the one with the most serious status, a
    /// server's fault before a refusal before a bad value; of several the first.
    pub fn leading(&self) -> Option<&Problem> {
        self.0.iter().rev().max_by_key(|p| match p.code.http_status() {
            status @ 500.. => (4, status),
            status @ (401 | 403) => (3, status),
            422 => (1, 422),
            status => (2, status),
        })
    }

    /// `Ok` if there is no problem, otherwise all of them as the error.
    pub fn into_result(self) -> Result<(), Self> {
        if self.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl FromIterator<Problem> for Problems {
    fn from_iter<I: IntoIterator<Item = Problem>>(iter: I) -> Self {
        Self(iter.into_iter().collect())
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_unique_and_has_a_place_in_every_dialect() {
        let mut seen = std::collections::BTreeSet::new();
        for code in Code::ALL {
            assert!(seen.insert(code.as_str()), "{code} occurs twice");
            assert!((400..=599).contains(&code.http_status()), "{code}");
            assert_ne!(code.exit_code() as u8, 0, "{code}");
            assert!(!code.title().is_empty() && !code.title().ends_with('.'), "{code}");
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str(), "{code}");
        }
    }

    #[test]
    fn the_gravest_problem_leads() {
        let problems: Problems = [
            Problem::new(Code::UsernameInvalid, "a"),
            Problem::new(Code::EmailTaken, "b"),
            Problem::new(Code::DomainTaken, "c"),
            Problem::new(Code::FieldMissing, "d"),
        ]
        .into_iter()
        .collect();
        assert_eq!(problems.leading().unwrap().code, Code::EmailTaken);
    }
}
