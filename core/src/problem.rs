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
    ($($(#[$doc:meta])* $variant:ident => $code:literal, $status:literal, $exit:ident, $title:literal, $advice:literal;)+) => {
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

            /// What to do about it when nothing more is known; every problem has at least this hint.
            pub const fn advice(self) -> &'static str {
                match self { $(Self::$variant => $advice,)+ }
            }
        }
    };
}

catalogue! {
    /// A required field is absent or empty.
    FieldMissing => "field_missing", 422, Invalid, "A required field is missing", "send the field";
    /// A field that this operation does not know.
    FieldUnknown => "field_unknown", 422, Invalid, "The field is not known here", "check its spelling; the API document lists the fields of each operation";
    /// A field of the wrong type or outside its range.
    ValueInvalid => "value_invalid", 422, Invalid, "The value is not acceptable", "the API document says what the field can be";
    /// Not a username by the rules.
    UsernameInvalid => "username_invalid", 422, Invalid, "The username is not valid", "use 3 to 32 lower-case letters, digits, `-` and `_`, starting with a letter";
    /// A name that the system or Berth keeps for itself.
    UsernameReserved => "username_reserved", 422, Invalid, "The username is reserved", "choose another name";
    /// The name belongs to somebody in Berth or to an account or group on the node.
    UsernameTaken => "username_taken", 409, Conflict, "The username is already in use", "choose another name";
    /// A directory of that name is left below `/home`.
    HomeExists => "home_exists", 409, Conflict, "A home directory of that name is left on the node", "move it aside with `berth home quarantine`, or choose another name";
    /// Not an email address.
    EmailInvalid => "email_invalid", 422, Invalid, "The email address is not valid", "write it as name@example.com";
    /// Another user signs in with this address.
    EmailTaken => "email_taken", 409, Conflict, "The email address is already in use", "use another address, or find the user who has it with `berth user show ADDRESS`";
    /// Not usable as a person's name.
    DisplayNameInvalid => "display_name_invalid", 422, Invalid, "The display name is not valid", "use 1 to 100 characters on one line";
    /// Not a role.
    RoleInvalid => "role_invalid", 422, Invalid, "The role is not known", "use admin, reseller or user";
    /// Not a host name below a public suffix.
    DomainInvalid => "domain_invalid", 422, Invalid, "The domain name is not valid", "write a domain such as example.com, or a name below one";
    /// The domain, or one above or below it, belongs to another account.
    DomainTaken => "domain_taken", 409, Conflict, "The domain already exists", "choose another domain, or remove it from the account that has it first";
    /// The account's primary domain can't be taken away.
    DomainPrimary => "domain_primary", 409, Conflict, "The primary domain can't be removed", "an account keeps its first domain";
    /// No such domain.
    DomainNotFound => "domain_not_found", 404, NotFound, "The domain does not exist", "`berth domain list USER` shows the domains of an account";
    /// Nobody has proven yet that the domain is theirs.
    DomainUnproven => "domain_unproven", 409, Conflict, "The domain's ownership is not proven", "publish the TXT record or the file that `berth domain show` names, then `berth domain verify`, or ask an administrator to approve it";
    /// A connection that a website needs could not be made.
    ConnectionFailed => "connection_failed", 400, NotConverged, "A connection could not be made", "the detail says which server refused what; correct it and try again";
    /// The installation orders no certificates.
    AcmeOff => "acme_off", 409, Conflict, "Certificates are not ordered here", "set `directory` in the `[acme]` section of berth.toml and restart the server";
    /// A name of the site does not lead to this server.
    CertificateNameUnreachable => "certificate_name_unreachable", 409, NotConverged, "The name does not lead to this server", "let the name's A and AAAA records point at this server; it is tried again by itself";
    /// The certification authority refused or failed.
    AcmeFailed => "acme_failed", 502, NotConverged, "The certification authority did not issue the certificate", "it is tried again by itself; the detail is what the authority said";
    /// Ordering waits, so that a limit of the certification authority is not reached.
    AcmeRateLimited => "acme_rate_limited", 429, NotConverged, "Ordering waits for a limit of the certification authority", "nothing has to be done: it is tried again when the limit allows";
    /// The password breaks a rule.
    PasswordInvalid => "password_invalid", 422, Invalid, "The password is not acceptable", "leave it out to have one generated";
    /// Not a package name.
    PackageNameInvalid => "package_name_invalid", 422, Invalid, "The package name is not valid", "use 1 to 64 lower-case letters, digits, `-` and `_`";
    /// A package of that name exists.
    PackageTaken => "package_taken", 409, Conflict, "A package of that name exists", "choose another name, or edit the package that is there";
    /// No such package.
    PackageNotFound => "package_not_found", 404, NotFound, "The package does not exist", "`berth package list` shows the packages";
    /// Accounts still use the package.
    PackageInUse => "package_in_use", 409, Conflict, "The package is in use", "give its accounts another package first";
    /// Not a limit.
    LimitInvalid => "limit_invalid", 422, Invalid, "The limit is not valid", "use inherit, unlimited or a whole number from 0";
    /// The package does not allow one more.
    LimitExceeded => "limit_exceeded", 409, Conflict, "The package's limit is reached", "remove something, or give the account a larger package";
    /// Not a public key that Berth accepts.
    SshKeyInvalid => "ssh_key_invalid", 422, Invalid, "The SSH key is not acceptable", "paste one line of a public key file";
    /// The account has this key already.
    SshKeyTaken => "ssh_key_taken", 409, Conflict, "The SSH key is already there", "nothing has to be done: the key opens the account already";
    /// No such key.
    SshKeyNotFound => "ssh_key_not_found", 404, NotFound, "The SSH key does not exist", "`berth ssh-key list USER` shows the keys of an account";
    /// Not a schedule.
    ScheduleInvalid => "schedule_invalid", 422, Invalid, "The schedule is not valid", "use five fields such as `0 3 * * *`, or a word such as @daily";
    /// The account has a timer of that name.
    TimerTaken => "timer_taken", 409, Conflict, "The account has a timer of that name", "choose another name, or edit the timer that is there";
    /// No such timer.
    TimerNotFound => "timer_not_found", 404, NotFound, "The timer does not exist", "`berth timer list USER` shows the timers of an account";
    /// The package does not include timers.
    TimersNotIncluded => "timers_not_included", 409, Conflict, "The package does not include timers", "give the account a package with the timers `always` or `on-demand`";
    /// Not the login of a web user.
    WebUserLoginInvalid => "web_user_login_invalid", 422, Invalid, "The login of the web user is not valid", "use 1 to 32 letters, digits, `.`, `_` and `-`, starting with a letter";
    /// Somebody has this login already.
    WebUserTaken => "web_user_taken", 409, Conflict, "The login is already in use", "choose another login; the case of letters makes no difference";
    /// No such web user.
    WebUserNotFound => "web_user_not_found", 404, NotFound, "The web user does not exist", "`berth web-user list DOMAIN` shows the web users of a site";
    /// A service of web users that this server does not have.
    WebServiceMissing => "web_service_missing", 409, Conflict, "The service is not installed", "leave the service off; php is there";
    /// The site's web users may not use scripts.
    WebScriptsOff => "web_scripts_off", 409, Conflict, "Scripts of web users are switched off for the site", "switch scripts on for the site first";
    /// The package does not include SFTP.
    SftpNotIncluded => "sftp_not_included", 409, Conflict, "The package does not include SFTP", "give the account a package that includes SFTP";
    /// Not a network.
    NetworkInvalid => "network_invalid", 422, Invalid, "The network is not valid", "write an address or a network such as 192.0.2.0/24";
    /// Not a port.
    PortInvalid => "port_invalid", 422, Invalid, "The port is not valid", "use a number from 1 to 65535, or a range such as 1000-2000";
    /// The account has this rule already.
    EgressRuleTaken => "egress_rule_taken", 409, Conflict, "The rule is already there", "nothing has to be done: the account may reach it already";
    /// No such rule.
    EgressRuleNotFound => "egress_rule_not_found", 404, NotFound, "The rule does not exist", "`berth egress show USER` shows the rules of an account";
    /// The account has as many rules as it can have.
    EgressRulesExceeded => "egress_rules_exceeded", 409, Conflict, "The account has as many rules as it can have", "remove rules, or write several as one network or range of ports";
    /// No such user.
    UserNotFound => "user_not_found", 404, NotFound, "The user does not exist", "`berth user list` shows the users";
    /// The user has no hosting account.
    AccountMissing => "account_missing", 409, Conflict, "The user has no hosting account", "name a user who has a username, package and domain";
    /// The user is suspended.
    UserSuspended => "user_suspended", 403, Refused, "The user is suspended", "ask whoever runs the installation";
    /// There is no such suspension.
    NotSuspended => "not_suspended", 409, Conflict, "The user is not suspended for this reason", "`berth user show USER` shows why a user is suspended";
    /// Somebody with more rights has suspended the user.
    SuspensionForeign => "suspension_foreign", 403, Refused, "The suspension is somebody else's", "ask whoever runs the installation";
    /// The user is deleted, but not purged.
    UserInTrash => "user_in_trash", 409, Conflict, "The user is in the trash", "`berth user restore USER` brings the user back";
    /// The user is not deleted.
    NotInTrash => "not_in_trash", 409, Conflict, "The user is not in the trash", "`berth user list` shows the users; `berth user trash` those who are deleted";
    /// Purging has begun.
    UserPurging => "user_purging", 409, Conflict, "The user is being purged", "nothing can bring the user back; wait until everything is gone";
    /// A reseller still owns users.
    ResellerHasUsers => "reseller_has_users", 409, Conflict, "The reseller still owns users", "transfer or delete the reseller's users first";
    /// The change would leave no enabled admin.
    LastAdmin => "last_admin", 409, Conflict, "The last administrator who can sign in stays", "make somebody else an administrator first";
    /// Not allowed on oneself.
    SelfChange => "self_change", 409, Conflict, "This can't be done to oneself", "ask another administrator";
    /// No such node.
    NodeNotFound => "node_not_found", 404, NotFound, "The node does not exist", "`berth node list` shows the nodes";
    /// No such drift.
    DriftNotFound => "drift_not_found", 404, NotFound, "The drift does not exist", "`berth node drift` shows what was changed on a node";
    /// What was found can't be what Berth keeps.
    DriftNotAdoptable => "drift_not_adoptable", 409, Conflict, "What was found can't be adopted", "change the setting in Berth instead; only SSH keys can be taken over from a node";
    /// The node's agent does not answer.
    NodeSilent => "node_silent", 503, Unavailable, "The node does not answer", "look at `systemctl status berth-agent` on the node, and try again";
    /// No node takes accounts.
    NodeMissing => "node_missing", 503, Unavailable, "No node can take the account", "run `berth setup` on a server";
    /// Every numeric id of the configured range has been used.
    IdsExhausted => "ids_exhausted", 503, Unavailable, "No numeric id is left", "a new installation is needed";
    /// No such API key.
    ApiKeyNotFound => "api_key_not_found", 404, NotFound, "The API key does not exist", "`berth api-key list` shows the keys";
    /// Not an address that events can be sent to.
    WebhookUrlInvalid => "webhook_url_invalid", 422, Invalid, "The address can't be sent events", "use an https address of a public host, without a user name in it";
    /// No such webhook.
    WebhookNotFound => "webhook_not_found", 404, NotFound, "The webhook does not exist", "`berth webhook list` shows the webhooks";
    /// No such delivery.
    DeliveryNotFound => "delivery_not_found", 404, NotFound, "The delivery does not exist", "`berth webhook deliveries ID` shows the deliveries of a webhook";
    /// There is nothing at this address.
    NotFound => "not_found", 404, NotFound, "There is nothing here", "the API document lists every address";
    /// The address does not know this method.
    MethodNotAllowed => "method_not_allowed", 405, Usage, "The method is not allowed here", "the `Allow` header names the methods";
    /// Who is asking is not known.
    Unauthenticated => "unauthenticated", 401, Refused, "Sign in first", "send `Authorization: Bearer` with an API key";
    /// Name and password don't belong together, or this user may not sign in.
    SignInFailed => "sign_in_failed", 401, Refused, "Signing in failed", "check the name and the password; a forgotten password can be replaced by mail";
    /// The code of the second factor is wrong or was used before.
    SecondFactorWrong => "second_factor_wrong", 401, Refused, "The code is not right", "wait for the next code of the authenticator, or use a recovery code";
    /// Too many attempts to sign in.
    TooManyAttempts => "too_many_attempts", 429, Unavailable, "Too many attempts", "wait as long as the `Retry-After` header says";
    /// The password has to be given again before this.
    ConfirmationNeeded => "confirmation_needed", 403, Refused, "The password has to be given again", "give the password again, then repeat the request";
    /// No such session.
    SessionNotFound => "session_not_found", 404, NotFound, "The session does not exist", "`berth session list` shows the sessions of a user";
    /// The second factor is on, so it can't be enrolled.
    SecondFactorOn => "second_factor_on", 409, Conflict, "The second factor is already on", "switch it off first";
    /// The second factor is off.
    SecondFactorOff => "second_factor_off", 409, Conflict, "There is no second factor", "enrol one first";
    /// The second factor has to stay on.
    SecondFactorRequired => "second_factor_required", 409, Conflict, "A second factor is required", "an administrator decides who needs one";
    /// The link is not valid.
    LinkInvalid => "link_invalid", 410, NotFound, "The link is not valid any more", "links work once and for a limited time; ask for a new one";
    /// The address waits for an invitation to be accepted.
    InvitationPending => "invitation_pending", 409, Conflict, "The address has been invited already", "send the invitation again, or revoke it first";
    /// No such invitation.
    InvitationNotFound => "invitation_not_found", 404, NotFound, "The invitation does not exist", "`berth invitation list` shows the invitations";
    /// This user can't be impersonated.
    ImpersonationRefused => "impersonation_refused", 409, Conflict, "Nobody acts in this user's place", "administrators and oneself are never impersonated";
    /// There is no impersonation to end.
    ImpersonationNotFound => "impersonation_not_found", 404, NotFound, "There is no such impersonation", "it may have ended by itself";
    /// No such mail.
    MailNotFound => "mail_not_found", 404, NotFound, "The mail does not exist", "`berth mail list USER` shows the mails to a user";
    /// The caller may not do this.
    Forbidden => "forbidden", 403, Refused, "This is not allowed", "ask an administrator";
    /// The object changed since it was read.
    PreconditionFailed => "precondition_failed", 412, Conflict, "The object has changed meanwhile", "read the object again and repeat the change";
    /// The idempotency key was used for another request.
    IdempotencyConflict => "idempotency_conflict", 409, Conflict, "The idempotency key was used for another request", "use a new key for a new request";
    /// Not a cursor of this list.
    CursorInvalid => "cursor_invalid", 422, Invalid, "The cursor is not valid", "begin again without a cursor";
    /// The body can't be read at all.
    BodyMalformed => "body_malformed", 400, Invalid, "The body can't be read", "send one JSON object";
    /// The body is too large.
    BodyTooLarge => "body_too_large", 413, Invalid, "The body is too large", "send less at once";
    /// The body is of another media type.
    MediaTypeUnsupported => "media_type_unsupported", 415, Invalid, "The media type is not supported", "send `Content-Type: application/json`";
    /// Too many requests in a short time.
    RateLimited => "rate_limited", 429, Unavailable, "Too many requests", "wait as long as the `Retry-After` header says";
    /// A part that is needed can't be reached.
    Unavailable => "unavailable", 503, Unavailable, "A part of Berth can't be reached", "try again in a moment";
    /// The request took too long.
    Timeout => "timeout", 504, Unavailable, "The request took too long", "try again; a repeated request with the same idempotency key is done once";
    /// Berth itself is at fault.
    Internal => "internal", 500, Internal, "Berth failed", "the journal of the server has the details under this request id";
    /// The audit log has been altered.
    AuditBroken => "audit_broken", 500, Internal, "The audit log does not verify", "compare with a backup of the database from before the entry";
    /// Reading or changing something on the node failed.
    HostFailed => "host_failed", 500, NotConverged, "An operation on the node failed", "the next pass tries again; the journal of `berth-agent` has the details";
    /// An account or group of that name or number exists on the node and is not ours.
    AccountForeign => "account_foreign", 409, NotConverged, "The node has an account of that name that is not Berth's", "rename or remove that account on the node, or choose another username";
    /// The web server refuses the site's configuration.
    SiteRejected => "site_rejected", 422, NotConverged, "The web server refuses the site's configuration", "change the setting of the site that is named";
    /// The web server's configuration as a whole is refused.
    WebServerFailed => "web_server_failed", 500, NotConverged, "The web server can't be reconfigured", "`nginx -t -c /etc/berth/nginx/nginx.conf` on the node says more";
    /// The SSH server refuses its configuration.
    SshServerFailed => "ssh_server_failed", 500, NotConverged, "The SSH server can't be reconfigured", "`sshd -t` on the node says more";
    /// PHP does not start or keeps failing.
    PhpFailed => "php_failed", 500, NotConverged, "PHP does not start for this account", "the journal of the account's PHP unit says why";
    /// The node can't keep a user manager running.
    LingerUnsupported => "linger_unsupported", 501, NotConverged, "The node can't keep timers running without a session", "install libpam-systemd and dbus on the node";
    /// The kernel can't limit what a tenant's processes use.
    SliceUnsupported => "slice_unsupported", 501, NotConverged, "The kernel can't limit what the account's processes use", "boot a kernel with control groups of version 2 and the controllers that are named";
    /// The file system of the homes keeps no quotas.
    QuotaUnsupported => "quota_unsupported", 501, NotConverged, "The file system of the home keeps no quotas", "switch quotas on for the file system of the homes; `berth doctor` says how";
    /// The kernel or the container can't filter packets.
    EgressUnsupported => "egress_unsupported", 501, NotConverged, "The node can't filter what its accounts send", "boot a kernel with nf_tables, or give the container the right to change its network";
    /// The account's user manager does not take over its timers.
    TimersFailed => "timers_failed", 500, NotConverged, "The account's user manager does not take over its timers", "`systemctl restart user@UID.service` on the node starts it anew";
    /// The file system has no access control lists.
    AclUnsupported => "acl_unsupported", 501, NotConverged, "The file system of the home has no access control lists", "mount the file system of the homes with ACLs";
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
    /// After how many seconds trying again makes sense, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
}

impl Problem {
    /// A problem that concerns no particular field, with the advice of its code as hint.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            field: None,
            detail: detail.into(),
            hint: Some(code.advice().to_owned()),
            retry_after: None,
        }
    }

    /// The same problem, said of an input field.
    #[must_use]
    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    /// The same problem, with when trying again makes sense.
    #[must_use]
    pub const fn after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The same problem with advice for this very case.
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
            for text in [code.title(), code.advice()] {
                assert!(!text.is_empty() && !text.ends_with('.'), "{code}");
            }
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
