//! What verbs answer: the same values for every dialect, without anything secret but what is shown once.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Problem;
use crate::account::Uid;
use crate::audit::AuditOutcome;
use crate::certificate::{CertificateState, Fingerprint};
use crate::condition::{Condition, ConditionState, Convergence, Resource};
use crate::domain::{Docroot, DomainState, HstsAge, HttpsRedirect};
use crate::drift::{Cause, DriftState};
use crate::egress::{Blocked, EgressRule, Note};
use crate::event::EventPattern;
use crate::id::{
    AccountId, ApiKeyId, DeliveryId, DomainId, DriftId, EgressRuleId, EventId, ImpersonationId, InvitationId,
    MailId, NodeId, PackageId, QuarantineId, SessionId, SshKeyId, TimerId, UserId, WebhookId,
};
use crate::link::Looked;
use crate::log::LogKind;
use crate::mail::{InvitationState, LinkKind, MailKind, MailState};
use crate::name::{DisplayName, Email, Fqdn, Login, PackageName, Username};
use crate::package::{Bounds, EgressPolicy, Features, Limits, TimerMode};
use crate::policy::Scope;
use crate::role::Role;
use crate::session::{LoginOutcome, SessionState};
use crate::settings::Installation;
use crate::standing::UserState;
use crate::suspension::Suspension;
use crate::timer::{MailOnFailure, RunOutcome, Schedule, TimerCommand, TimerName, TimerTimeout};
use crate::user::{Language, MemberRole, Phone, PostalAddress, Timezone};
use crate::web_user::{WebService, WebUserId, WebUserLogin, WebUserQuota};
use crate::webhook::{DeliveryState, WebhookUrl};

/// A web user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebUserView {
    /// Their number, which is never used again.
    pub id: WebUserId,
    /// What they sign in with.
    pub login: WebUserLogin,
    /// The site that they belong to.
    pub domain: Fqdn,
    /// The number of that site.
    pub site: i64,
    /// Number of the Unix account.
    pub uid: Uid,
    /// Whether they have no password, so that nobody gets in.
    pub locked: bool,
    /// How many bytes they may store; absent means as much as the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota_bytes: Option<WebUserQuota>,
    /// What is on. Nothing is, while scripts are off for the site.
    pub services: Vec<WebService>,
    /// Where the files are shown.
    pub url: String,
    /// When they were added.
    pub created_at: DateTime<Utc>,
}

/// What the web users of a site may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebUserPrefsView {
    /// The number of the site.
    pub site: i64,
    /// Whether scripts of web users run at all.
    pub scripts: bool,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The things on this page.
    pub items: Vec<T>,
    /// Pass it as `cursor` to get the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A session of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionView {
    /// The session.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// How far its user has signed in.
    pub state: SessionState,
    /// What the browser said about itself.
    pub agent: String,
    /// From where it was used last.
    pub address: String,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it was used last, to the minute.
    pub used_at: DateTime<Utc>,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// An attempt to sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LoginView {
    /// When.
    pub at: DateTime<Utc>,
    /// What it came to.
    pub outcome: LoginOutcome,
    /// From where.
    pub address: String,
    /// What the browser said about itself.
    pub agent: String,
}

/// The settings of the installation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SettingsView {
    /// Each setting under its dotted name.
    #[serde(flatten)]
    pub installation: Installation,
    /// Whether the relay's password has been set; nobody can see it again.
    #[serde(rename = "mail.smtp_password_set")]
    pub smtp_password_set: bool,
    /// Why mail waits, if it does.
    #[serde(default, rename = "mail.obstacle", skip_serializing_if = "Option::is_none")]
    pub mail_obstacle: Option<String>,
}

/// A mail to a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MailView {
    /// The mail.
    pub id: MailId,
    /// What it is about.
    pub kind: MailKind,
    /// Where it goes.
    pub address: Email,
    /// What became of it.
    pub state: MailState,
    /// Why it has not been sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// When it was sent or given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done_at: Option<DateTime<Utc>>,
}

/// A link that was mailed to somebody, for the page that it leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LinkView {
    /// What it lets its user do.
    pub kind: LinkKind,
    /// What its user signs in with.
    pub name: String,
    /// Its user's name.
    pub display_name: DisplayName,
    /// Until when it works.
    pub expires_at: DateTime<Utc>,
}

/// An administrator's grant to act in somebody's place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImpersonationView {
    /// The grant.
    pub id: ImpersonationId,
    /// Who acts.
    pub admin: UserId,
    /// In whose place.
    pub user: UserId,
    /// Why.
    pub reason: String,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// Until when at most.
    pub expires_at: DateTime<Utc>,
    /// When it ended earlier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<DateTime<Utc>>,
}

/// An invitation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InvitationView {
    /// The invitation.
    pub id: InvitationId,
    /// Whom it goes to.
    pub email: Email,
    /// What they will be.
    pub role: Role,
    /// The package of their account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<PackageName>,
    /// Who invites.
    pub invited_by: String,
    /// How it stands.
    pub state: InvitationState,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Until when it can be accepted.
    pub expires_at: DateTime<Utc>,
    /// Who came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
}

/// An invitation with its link, which is shown this once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InvitationIssued {
    /// The invitation.
    pub invitation: InvitationView,
    /// Where it is accepted.
    pub link: String,
}

/// The second factor of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SecondFactorView {
    /// The user.
    pub user: UserId,
    /// Whether signing in takes a code.
    pub enabled: bool,
    /// Since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled_at: Option<DateTime<Utc>>,
    /// Whether the user must have one.
    pub required: bool,
    /// Recovery codes that are left.
    pub recovery_codes_left: u64,
}

/// How many sessions were ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionsEnded {
    /// How many.
    pub ended: u64,
}

/// A user with their account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserView {
    /// The user.
    pub id: UserId,
    /// What they sign in with beside the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<Login>,
    /// Sign-in and recovery address.
    pub email: Email,
    /// Name in headers and mails.
    pub display_name: DisplayName,
    /// What they may do.
    pub role: Role,
    /// Telephone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Phone>,
    /// Postal address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<PostalAddress>,
    /// Time zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<Timezone>,
    /// Language.
    pub language: Language,
    /// The reseller who owns the user; absent if the installation does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<UserId>,
    /// When the user was created.
    pub created_at: DateTime<Utc>,
    /// Rises with every change of the user; the `ETag`.
    pub version: i64,
    /// What has become of the user.
    #[serde(default = "active")]
    pub state: UserState,
    /// Why the user is suspended, a suspension for each reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suspensions: Vec<Suspension>,
    /// When the user was put into the trash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<DateTime<Utc>>,
    /// When the user is purged from the trash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purge_at: Option<DateTime<Utc>>,
    /// The hosting account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountView>,
}

/// Answers that were kept from before there were states are of users who had none.
const fn active() -> UserState {
    UserState::Active
}

/// How far a purge is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PurgeState {
    /// Something is left.
    Purging,
    /// Nothing is left.
    Gone,
}

/// A purge: what is left, or what was looked for and not found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PurgeView {
    /// The user.
    pub user: UserId,
    /// What people called them.
    pub name: String,
    /// How far it is.
    pub state: PurgeState,
    /// What is left on nodes, with the reason if there is one.
    pub remains: Vec<String>,
    /// The accounts of which nothing is left.
    pub accounts: Vec<PurgedAccountView>,
}

/// An account of which nothing is left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PurgedAccountView {
    /// The account.
    pub account: AccountId,
    /// Its name, which is free again.
    pub username: Username,
    /// Its number, which nobody gets again.
    pub uid: Uid,
    /// Where it was.
    pub node: String,
    /// When the node had removed everything.
    pub purged_at: DateTime<Utc>,
    /// What was looked for there, and not found.
    pub looked: Vec<Looked>,
}

/// A hosting account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccountView {
    /// The account.
    pub id: AccountId,
    /// Name of the Unix account.
    pub username: Username,
    /// Number of the Unix account.
    pub uid: Uid,
    /// Number of its group.
    pub gid: Uid,
    /// Its home directory.
    pub home: String,
    /// The user's membership.
    pub membership: MemberRole,
    /// Where it lives.
    pub node: String,
    /// Its package.
    pub package: PackageName,
    /// Its first domain.
    pub primary_domain: Fqdn,
    /// Whether file transfer is switched on.
    pub sftp: bool,
    /// Rises with every change.
    pub generation: u64,
    /// Newest generation that the node has reported on.
    pub observed_generation: u64,
    /// How it is as a whole.
    pub state: Convergence,
}

/// Answer of `user create`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreatedUser {
    /// The user.
    #[serde(flatten)]
    pub user: UserView,
    /// Number of the Unix account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<Uid>,
    /// The generated password: here and nowhere else, once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// One condition for each resource of the account.
    pub conditions: Vec<Condition>,
    /// Whether this answers a request that had been done before, so that nothing was created now.
    #[serde(default)]
    pub replayed: bool,
}

/// Answer of `user password`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PasswordSet {
    /// The user.
    pub user: UserId,
    /// The generated password, once; absent if one was supplied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

/// Desired and observed state of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConditionsView {
    /// The account.
    pub account: AccountId,
    /// The newest generation.
    pub generation: u64,
    /// The generation that the conditions are about.
    pub observed_generation: u64,
    /// How it is as a whole.
    pub state: Convergence,
    /// When the node last reported on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_at: Option<DateTime<Utc>>,
    /// One for each resource.
    pub conditions: Vec<Condition>,
}

/// What a verb would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlanView {
    /// The steps, in order.
    pub changes: Vec<PlannedChange>,
    /// The limits that would count, if an account is concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Bounds>,
}

/// One thing that a verb would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlannedChange {
    /// What would happen to it.
    pub change: ChangeKind,
    /// The thing, such as `home` or `domain`.
    pub what: String,
    /// Its name or place, such as `/home/alice`.
    pub name: String,
    /// More about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What would happen to a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// It would come to be.
    Create,
    /// It would change.
    Change,
    /// It would go.
    Remove,
    /// It would stay, which may be unexpected.
    Keep,
}

/// A package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PackageView {
    /// The package.
    pub id: PackageId,
    /// Its name.
    pub name: PackageName,
    /// What it limits.
    pub limits: Limits,
    /// What it includes.
    pub features: Features,
    /// How many accounts use it.
    pub accounts: u64,
    /// Rises with every change; the `ETag`.
    pub version: i64,
}

/// A domain with its site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DomainView {
    /// The domain.
    pub id: DomainId,
    /// Its name.
    pub fqdn: Fqdn,
    /// Other host names that show the same site.
    pub aliases: Vec<Fqdn>,
    /// Whether ownership is proven.
    pub state: DomainState,
    /// Whether it is the account's first.
    pub primary: bool,
    /// Where its files are.
    pub docroot: Docroot,
    /// Whether visitors are sent to HTTPS.
    pub https_redirect: HttpsRedirect,
    /// For how many seconds browsers remember to come by HTTPS only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hsts: Option<HstsAge>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// How to prove ownership, as long as it is not proven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ownership: Option<OwnershipView>,
}

/// How to prove that a domain is one's own: by a TXT record, or by a file on whatever server the name leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OwnershipView {
    /// Name of the TXT record.
    #[schema(example = "_berth.example.com")]
    pub record: String,
    /// Address of the file.
    #[schema(example = "http://example.com/.well-known/berth-verification.txt")]
    pub url: String,
    /// What the record or the file holds.
    pub value: String,
    /// When it was last looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked_at: Option<DateTime<Utc>>,
    /// When Berth looks again by itself; absent after a month without success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_check_at: Option<DateTime<Utc>>,
    /// What was found instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<crate::Problem>,
}

/// The certificate of a domain's site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CertificateView {
    /// The domain.
    pub domain: Fqdn,
    /// Where it stands.
    pub state: CertificateState,
    /// The host names that it is valid for.
    pub names: Vec<Fqdn>,
    /// The host names of the site that it is not valid for.
    pub missing: Vec<Fqdn>,
    /// Who issued it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// Which one it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// From when it is valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<DateTime<Utc>>,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<DateTime<Utc>>,
    /// When something is done about it next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// Attempts in a row that failed.
    pub failures: u64,
    /// What went wrong last, for the whole or for single names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<crate::Problem>,
}

/// A key that opens file transfer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SshKeyView {
    /// The key.
    pub id: SshKeyId,
    /// `SHA256:…`.
    pub fingerprint: String,
    /// What its owner calls it.
    pub comment: String,
    /// The public key itself.
    pub key: String,
    /// When it was added.
    pub created_at: DateTime<Utc>,
}

/// What an account may reach on the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EgressView {
    /// The account.
    pub account: AccountId,
    /// What its package allows.
    pub policy: EgressPolicy,
    /// What it may reach beside that.
    pub rules: Vec<EgressRuleView>,
    /// Packets that its node has refused since the packet filter was loaded.
    pub refused: u64,
    /// The destinations of the last day that were refused most often.
    pub blocked: Vec<Blocked>,
    /// When the node last reported on the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_at: Option<DateTime<Utc>>,
    /// How it is on the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<ConditionState>,
}

/// Something that an account may reach whatever its package says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EgressRuleView {
    /// The rule.
    pub id: EgressRuleId,
    /// What it allows.
    #[serde(flatten)]
    pub rule: EgressRule,
    /// Why it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Note>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
}

/// A timer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TimerView {
    /// The timer.
    pub id: TimerId,
    /// Its name.
    pub name: TimerName,
    /// When it is due, in UTC.
    pub schedule: Schedule,
    /// What it runs, as the account's user.
    pub command: TimerCommand,
    /// Who is told of a run that failed. The message waits in the server's outbox until mail is delivered.
    pub mail_on_failure: MailOnFailure,
    /// Whether it runs by itself.
    pub enabled: bool,
    /// After how many seconds a run is ended.
    pub timeout_s: TimerTimeout,
    /// How timers of the account run, by its package.
    pub mode: TimerMode,
    /// When it is due next; absent if it doesn't run by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_run: Option<DateTime<Utc>>,
    /// The last run that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_run: Option<TimerRunView>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
}

/// A run of a timer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TimerRunView {
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: DateTime<Utc>,
    /// How.
    pub outcome: RunOutcome,
    /// Whether it did what it was to do.
    pub succeeded: bool,
    /// Whether the output's beginning is missing.
    pub truncated: bool,
    /// The end of what it said, 64 KiB at most; only in the list of runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
}

/// A server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeView {
    /// The node.
    pub id: NodeId,
    /// Its name.
    pub name: String,
    /// When its agent last asked or reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_at: Option<DateTime<Utc>>,
    /// Version of its agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_version: Option<String>,
    /// Whether the agent has been heard of in the last two minutes.
    pub online: bool,
    /// Newest generation of any of its accounts.
    pub generation: u64,
    /// How many accounts it has.
    pub accounts: u64,
    /// How many of them wait for the agent.
    pub provisioning: u64,
    /// How many of them have a failed resource.
    pub failed: u64,
    /// The number of the last audit that was asked for.
    pub audit_requested: u64,
    /// The number of the last audit that was done.
    pub audit_done: u64,
    /// What is wrong with the node as a whole.
    pub problems: Vec<Problem>,
}

/// A quarantine of a left-over home.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QuarantineView {
    /// The order.
    pub id: QuarantineId,
    /// The name of the home.
    pub username: Username,
    /// The node.
    pub node: String,
    /// Where it is now, once it has been moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_to: Option<String>,
    /// Why it could not be moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// Something that somebody else had changed on a node, and that was put right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DriftView {
    /// The drift.
    pub id: DriftId,
    /// The node.
    pub node: String,
    /// The account that it concerns; absent for what all accounts share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<Username>,
    /// The part that put it right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<Resource>,
    /// The thing, such as a path.
    pub object: String,
    /// How it was found; absent if it was not there at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// How it is since; absent if it was taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<String>,
    /// When it was found.
    pub seen_at: DateTime<Utc>,
    /// When it had last been seen to be right, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub right_at: Option<DateTime<Utc>>,
    /// Who has probably done it.
    pub cause: Cause,
    /// What that guess rests on.
    pub evidence: String,
    /// What has become of it.
    pub state: DriftState,
    /// Who decided that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    /// Whether [`found`](Self::found) can be taken over.
    pub adoptable: bool,
}

/// Lines of a site's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogView {
    /// The site.
    pub domain: Fqdn,
    /// Which of its logs.
    pub kind: LogKind,
    /// The lines, oldest first, without their ends.
    pub lines: Vec<String>,
    /// Whether there are older ones that would have counted.
    pub more: bool,
}

/// A key for the API, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApiKeyView {
    /// The key.
    pub id: ApiKeyId,
    /// What its owner calls it.
    pub label: String,
    /// Whose rights it has at most.
    pub user: UserId,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<DateTime<Utc>>,
}

/// Answer of `api-key create`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreatedApiKey {
    /// The key.
    #[serde(flatten)]
    pub key: ApiKeyView,
    /// What goes into the `Authorization: Bearer` header: here and nowhere else, once.
    pub secret: String,
}

/// Something that has happened. This is also what a webhook is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventView {
    /// The event; the same in every delivery of it.
    pub id: EventId,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// What happened: the action of a verb such as `user.create`, or `condition.changed`.
    #[schema(example = "user.create")]
    pub kind: String,
    /// To what, for people: a username, domain or name.
    pub subject: String,
    /// The user concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// Who did it, for people.
    pub actor: String,
    /// The request that it came with; absent for what a node has reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// Old and new values. Never a secret.
    #[schema(value_type = Object)]
    pub detail: serde_json::Value,
}

/// Somebody who is told of events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebhookView {
    /// The webhook.
    pub id: WebhookId,
    /// Where events are sent.
    pub url: WebhookUrl,
    /// Which events are sent.
    pub events: Vec<EventPattern>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Note>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// Attempts in a row that failed.
    pub failures: u64,
    /// Until when nothing is sent, after failures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rests_until: Option<DateTime<Utc>>,
    /// Deliveries that wait to be sent.
    pub waiting: u64,
}

/// Answer of `webhook add`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreatedWebhook {
    /// The webhook.
    #[serde(flatten)]
    pub webhook: WebhookView,
    /// What deliveries are signed with: here and nowhere else, once.
    pub secret: String,
}

/// An event on its way to a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeliveryView {
    /// The delivery.
    pub id: DeliveryId,
    /// Where it goes.
    pub webhook: WebhookId,
    /// What is sent.
    pub event: EventId,
    /// The kind of that event.
    pub kind: String,
    /// How far it is.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: u64,
    /// When the event happened.
    pub created_at: DateTime<Utc>,
    /// When it is tried next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<DateTime<Utc>>,
    /// When it was tried last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tried_at: Option<DateTime<Utc>>,
    /// The HTTP status of the last answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why the last attempt failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// An entry of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditView {
    /// Its place.
    pub sequence: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Who, for people.
    pub actor: String,
    /// What.
    pub action: String,
    /// On what.
    pub subject: String,
    /// Whether it was done.
    pub outcome: AuditOutcome,
    /// The request that it came with.
    pub request: String,
    /// Old and new values.
    #[schema(value_type = Object)]
    pub detail: serde_json::Value,
    /// Its hash.
    pub hash: String,
}

/// Answer of `audit verify`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditVerification {
    /// How many entries were checked.
    pub entries: u64,
    /// The hash of the last one; keep it elsewhere to notice a log that was cut short.
    pub head: String,
    /// The first entry that does not fit the one before, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken_at: Option<i64>,
}

/// A new key for Installatron's API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InstallatronKey {
    /// The key, which is shown this once.
    pub key: String,
}
