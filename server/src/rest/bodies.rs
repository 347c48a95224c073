//! What request bodies look like, for the API's description and for clients.
//!
//! The parsers of [`berth_core::command`] read bodies; these types describe them. A test holds the two
//! together: every field described is known to its parser, and every required one is missed by it.

use berth_core::domain::{Docroot, HstsAge, HttpsRedirect};
use berth_core::egress::{Network, Note, PortRange, Protocol};
use berth_core::event::EventPattern;
use berth_core::name::{DisplayName, Email, Fqdn, PackageName, Username};
use berth_core::package::{EgressPolicy, Limit, Limits, TimerMode};
use berth_core::policy::Scope;
use berth_core::role::Role;
use berth_core::suspension::{SuspensionLevel, SuspensionMessage, SuspensionReason, Until};
use berth_core::timer::{MailOnFailure, Schedule, TimerCommand, TimerName, TimerTimeout};
use berth_core::user::{Language, Phone, PostalAddress, Timezone};
use berth_core::web_user::{WebService, WebUserLogin};
use berth_core::webhook::WebhookUrl;
use serde::Serialize;
use utoipa::ToSchema;

/// A user to create. `username`, `package` and `primary_domain` come together; only an admin may be without.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "username": "alice", "email": "alice@example.com", "display_name": "Alice Smith",
    "role": "user", "package": "standard", "primary_domain": "alicesite.com"
}))]
pub struct CreateUserBody {
    /// Name of the Unix account, the PHP pool and the SFTP login.
    pub username: Option<Username>,
    /// Sign-in and recovery address.
    pub email: Email,
    /// Name in headers and mails.
    pub display_name: DisplayName,
    /// What the person may do.
    pub role: Role,
    /// Limits and features.
    pub package: Option<PackageName>,
    /// The first domain.
    pub primary_domain: Option<Fqdn>,
    /// Generated and answered once if absent.
    #[schema(write_only, min_length = 10, max_length = 128)]
    pub password: Option<String>,
    /// Whether file transfer is on.
    #[schema(default = true)]
    pub sftp: Option<bool>,
    /// Whether to send the welcome message.
    #[schema(default = true)]
    pub welcome_email: Option<bool>,
    /// Public keys that open file transfer, each one line as in a `.pub` file.
    pub ssh_keys: Option<Vec<String>>,
}

/// A profile to change; what is not named stays.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({"display_name": "Alice Jones", "phone": null}))]
pub struct EditUserBody {
    /// New name.
    pub display_name: Option<DisplayName>,
    /// New address.
    pub email: Option<Email>,
    /// New telephone number; null takes it away.
    pub phone: Option<Phone>,
    /// New postal address; null takes it away.
    pub address: Option<PostalAddress>,
    /// New time zone; null takes it away.
    pub timezone: Option<Timezone>,
    /// New language.
    pub language: Option<Language>,
}

/// A password to set.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({}))]
pub struct SetPasswordBody {
    /// Generated and answered once if absent.
    #[schema(write_only, min_length = 10, max_length = 128)]
    pub password: Option<String>,
}

/// Somebody to invite.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({"email": "bob@example.com", "role": "user"}))]
pub struct InviteUserBody {
    /// Where the invitation goes.
    pub email: Email,
    /// What they will be.
    pub role: Role,
    /// The package of their account.
    pub package: Option<PackageName>,
    /// The language of the mail; English if absent.
    pub language: Option<Language>,
}

/// Whether a second factor is required.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({"required": true}))]
pub struct RequireSecondFactorBody {
    /// Whether the user must have one.
    #[schema(default = true)]
    pub required: Option<bool>,
}

/// A role to give.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({"role": "reseller"}))]
pub struct SetRoleBody {
    /// The new role.
    pub role: Role,
}

/// Why and how far a user is closed.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({"reason": "billing", "level": "full", "message": "An invoice is overdue"}))]
pub struct SuspendUserBody {
    /// Why; `operator` if absent.
    pub reason: Option<SuspensionReason>,
    /// How far; `full` if absent.
    pub level: Option<SuspensionLevel>,
    /// When it ends by itself: a day or a moment.
    pub until: Option<Until>,
    /// What the user is told.
    #[schema(max_length = 500)]
    pub message: Option<SuspensionMessage>,
}

/// Which reason is taken away.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({"reason": "billing"}))]
pub struct ActivateUserBody {
    /// The reason; without one, all that the caller may lift but what the owner has closed.
    pub reason: Option<SuspensionReason>,
}

/// Whom a purge takes.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({"live": true}))]
pub struct PurgeUserBody {
    /// Whether somebody is purged who is not in the trash.
    #[schema(default = false)]
    pub live: Option<bool>,
}

/// A package to give.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({"package": "standard"}))]
pub struct SetPackageBody {
    /// The package that the account shall have.
    pub package: PackageName,
    /// Whether it may allow less than the account uses already.
    #[schema(default = false)]
    pub force: Option<bool>,
}

/// Whether file transfer is on.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({"enabled": false}))]
pub struct SetSftpBody {
    /// The switch.
    pub enabled: bool,
}

/// A domain to add with its site.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({"domain": "shop.example.com"}))]
pub struct AddDomainBody {
    /// The domain.
    pub domain: Fqdn,
    /// Where its files are: `public_html` or a directory below it.
    pub docroot: Option<Docroot>,
}

/// Settings of a domain's site to change; what is not named stays.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({"docroot": "public_html/app", "https_redirect": "on"}))]
pub struct EditDomainBody {
    /// Where its files are.
    pub docroot: Option<Docroot>,
    /// Whether visitors who come without encryption are sent to HTTPS; `auto` does so as soon as the name has a
    /// certificate that browsers trust.
    pub https_redirect: Option<HttpsRedirect>,
    /// For how many seconds browsers remember to come by HTTPS only, which they are told as soon as there is a
    /// certificate that they trust; null has them not be told.
    pub hsts: Option<HstsAge>,
}

/// A web user to add to a site.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({"login": "myWebAccount", "password": "Qx7!mmr2"}))]
pub struct AddWebUserBody {
    /// What the web user signs in with.
    pub login: WebUserLogin,
    /// Nobody gets in without one.
    #[schema(write_only, min_length = 5, max_length = 64)]
    pub password: Option<String>,
    /// The hash of a password instead, as `crypt(3)` makes it.
    #[schema(write_only, max_length = 256)]
    pub password_hash: Option<String>,
    /// How many bytes they may store, or `unlimited`, which is as much as the account.
    pub quota_bytes: Option<Limit>,
    /// What their site may do; all that there is, if absent.
    pub services: Option<Vec<WebService>>,
}

/// What to change of a web user; what is not named stays.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({"quota_bytes": 104_857_600}))]
pub struct EditWebUserBody {
    /// Another password; an empty one locks.
    #[schema(write_only, max_length = 64)]
    pub password: Option<String>,
    /// The hash of a password instead, as `crypt(3)` makes it.
    #[schema(write_only, max_length = 256)]
    pub password_hash: Option<String>,
    /// How many bytes they may store, or `unlimited`, which is as much as the account.
    pub quota_bytes: Option<Limit>,
    /// What their site may do.
    pub services: Option<Vec<WebService>>,
}

/// What the web users of a site may do.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({"scripts": false}))]
pub struct WebUserPrefsBody {
    /// Whether their scripts run at all.
    pub scripts: bool,
}

/// A key to add that opens file transfer.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl alice@laptop"
}))]
pub struct AddSshKeyBody {
    /// One line as in a `.pub` file.
    pub key: String,
}

/// Something that an account may reach on the network whatever its package says.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({"network": "192.0.2.0/24", "port": "25", "note": "the shop's mail relay"}))]
pub struct AddEgressRuleBody {
    /// An address or a network.
    pub network: Network,
    /// A port or a range of ports.
    pub port: PortRange,
    /// By which protocol.
    #[schema(default = "tcp")]
    pub protocol: Option<Protocol>,
    /// Why.
    pub note: Option<Note>,
}

/// A timer to add.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "name": "backup", "schedule": "0 3 * * *", "command": "php domains/example.com/private/backup.php"
}))]
pub struct AddTimerBody {
    /// Its name.
    pub name: TimerName,
    /// When it is due, in UTC.
    pub schedule: Schedule,
    /// What it runs, by `/bin/sh -c` as the account's user, in the home.
    pub command: TimerCommand,
    /// Who is told of a run that failed, at most once an hour: nobody, the owner, or an address.
    pub mail_on_failure: Option<MailOnFailure>,
    /// Whether it runs by itself.
    #[schema(default = true)]
    pub enabled: Option<bool>,
    /// After how many seconds a run is ended.
    #[schema(default = 3600)]
    pub timeout_s: Option<TimerTimeout>,
}

/// A timer to change; what is not named stays.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({"schedule": "@hourly"}))]
pub struct EditTimerBody {
    /// When it is due, in UTC.
    pub schedule: Option<Schedule>,
    /// What it runs.
    pub command: Option<TimerCommand>,
    /// Who is told of a run that failed.
    pub mail_on_failure: Option<MailOnFailure>,
    /// Whether it runs by itself.
    pub enabled: Option<bool>,
    /// After how many seconds a run is ended.
    pub timeout_s: Option<TimerTimeout>,
}

/// A package to create. Beside the fields named here it takes every limit by its name, as a number,
/// `"unlimited"` or `"inherit"`; what is not named is inherited.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({"name": "large", "domains": 100, "disk_mb": "unlimited"}))]
pub struct CreatePackageBody {
    /// Its name.
    pub name: PackageName,
    /// Whether SFTP is included.
    #[schema(default = true)]
    pub sftp: Option<bool>,
    /// How timers run.
    pub timers: Option<TimerMode>,
    /// What may be reached from the account.
    pub egress: Option<EgressPolicy>,
    /// The limits, by name.
    #[serde(flatten)]
    pub limits: Limits,
}

/// A package to change; what is not named stays. Limits as when creating one.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({"domains": 20}))]
pub struct EditPackageBody {
    /// Whether SFTP is included.
    pub sftp: Option<bool>,
    /// How timers run.
    pub timers: Option<TimerMode>,
    /// What may be reached from the account.
    pub egress: Option<EgressPolicy>,
    /// The limits, by name.
    #[serde(flatten)]
    pub limits: Limits,
}

/// A left-over home to move aside.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({"username": "oldsite"}))]
pub struct QuarantineHomeBody {
    /// Its name below the directory of the homes.
    pub username: Username,
}

/// Somebody to tell of events.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({"url": "HTTPS://billing.example.com/berth", "events": ["user.*"]}))]
pub struct AddWebhookBody {
    /// Where events are sent.
    pub url: WebhookUrl,
    /// Which events: kinds such as `user.create`, families such as `user.*`, or `*`. Everything if absent.
    #[schema(min_items = 1)]
    pub events: Option<Vec<EventPattern>>,
    /// What it is for.
    pub note: Option<Note>,
}

/// An API key to create.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({"label": "billing", "scopes": ["read", "users"], "expires_in_days": 365}))]
pub struct CreateApiKeyBody {
    /// What its owner calls it.
    pub label: String,
    /// What it may be used for.
    #[schema(min_items = 1)]
    pub scopes: Vec<Scope>,
    /// Whose rights it has at most: an id, login or email address. The caller's own if absent.
    pub user: Option<String>,
    /// Days until it expires; never if absent.
    #[schema(minimum = 1, maximum = 3650)]
    pub expires_in_days: Option<u32>,
}
