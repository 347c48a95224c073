//! Parameters that several operations share, for the API's description.

use berth_core::audit::AuditOutcome;
use berth_core::drift::DriftState;
use berth_core::event::EventPattern;
use berth_core::id::{DeliveryId, EgressRuleId, WebhookId};
use berth_core::log::LogKind;
use berth_core::name::{Fqdn, PackageName};
use berth_core::role::Role;
use berth_core::standing::UserState;
use berth_core::suspension::SuspensionReason;
use berth_core::timer::TimerName;
use berth_core::web_user::WebUserLogin;
use berth_core::webhook::DeliveryState;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// How far a change goes.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DryRunKind {
    /// Answer what would happen, and change nothing.
    Plan,
    /// Check input and database only.
    Input,
    /// Also try connections to other machines.
    All,
    /// Do it.
    None,
}

/// What every changing operation takes beside its body.
#[derive(Debug, Clone, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ChangeParams {
    /// `plan` answers with what would happen, `input` and `all` only check; none of them changes anything.
    pub dry_run: Option<DryRunKind>,
}

/// The client's own name for a request.
#[derive(Debug, Clone, IntoParams)]
#[into_params(parameter_in = Header)]
pub struct IdempotencyParam {
    /// Repeating a request with the same key within 24 hours does not do it twice.
    #[param(rename = "Idempotency-Key", max_length = 200)]
    pub idempotency_key: Option<String>,
}

/// The version that an edit is based on.
#[derive(Debug, Clone, IntoParams)]
#[into_params(parameter_in = Header)]
pub struct IfMatchParam {
    /// The `ETag` of the answer that the edit is based on; an edit of another version is refused.
    #[param(rename = "If-Match", example = "\"7\"")]
    pub if_match: Option<String>,
}

/// `{id}` of a user who is purged, or gone already.
#[derive(Debug, Clone, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct PurgedUserParam {
    /// Id of the user.
    pub id: Uuid,
}

/// `{user}`
#[derive(Debug, Clone, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct UserParam {
    /// Id, login or email address.
    #[param(example = "alice")]
    pub user: String,
}

/// `{fqdn}`
#[derive(Debug, Clone, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct DomainParam {
    /// The domain.
    pub fqdn: Fqdn,
}

/// `{login}`
#[derive(Debug, Clone, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct WebUserParam {
    /// The login of the web user, whatever the case of its letters is.
    pub login: WebUserLogin,
}

/// `{key}`
#[derive(Debug, Clone, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct SshKeyParam {
    /// Id or fingerprint, the latter with `/` and `+` escaped.
    #[param(example = "01890a5d-ac96-774b-bcce-b302099a8057")]
    pub key: String,
}

/// `{rule}`
#[derive(Debug, Clone, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct EgressRuleParam {
    /// Id of the rule.
    pub rule: EgressRuleId,
}

/// `{timer}`
#[derive(Debug, Clone, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct TimerParam {
    /// The timer's name.
    pub timer: TimerName,
}

/// `{package}`
#[derive(Debug, Clone, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct PackageParam {
    /// The package's name.
    pub package: PackageName,
}

/// `{node}`
#[derive(Debug, Clone, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct NodeParam {
    /// The node's name.
    #[param(example = "web1")]
    pub node: String,
}

/// `{id}`
#[derive(Debug, Clone, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct IdParam {
    /// The id.
    #[param(example = "01890a5d-ac96-774b-bcce-b302099a8057")]
    pub id: Uuid,
}

/// Which page of a list.
#[derive(Debug, Clone, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageParams {
    /// `next` of the page before.
    pub cursor: Option<String>,
    /// Most entries on the page.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
}

/// Which users.
#[derive(Debug, Clone, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UserFilterParams {
    /// Part of a username, email address, display name or domain.
    #[param(max_length = 100)]
    pub search: Option<String>,
    /// Only this role.
    pub role: Option<Role>,
    /// Only accounts with this package.
    pub package: Option<PackageName>,
    /// Only users in this state; without it, those in the trash are left out.
    pub state: Option<UserState>,
    /// Only users who are suspended for this reason.
    pub suspended: Option<SuspensionReason>,
}

/// How long to wait for a change.
#[derive(Debug, Clone, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct WaitParams {
    /// How many milliseconds to wait for the account to settle; 0 answers at once.
    #[param(minimum = 0, maximum = 30000, default = 0)]
    pub wait_ms: Option<u32>,
    /// Wait until the node has reported on a generation above this one.
    pub after_generation: Option<u64>,
    /// The `ETag` of an earlier answer, without quotes: wait until anything has changed since.
    pub since: Option<String>,
}

/// Which entries of the audit log.
#[derive(Debug, Clone, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditFilterParams {
    /// Only what concerns this user: id, login or email address.
    pub user: Option<String>,
    /// Only this action, such as `user.create`.
    pub action: Option<String>,
    /// Only what was done, or only what was refused.
    pub outcome: Option<AuditOutcome>,
}

/// Which events.
#[derive(Debug, Clone, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EventFilterParams {
    /// Only about this user: id, login or email address.
    pub user: Option<String>,
    /// Only of this kind, such as `user.create`, or family, such as `user.*`.
    pub kind: Option<EventPattern>,
    /// Only with exactly this subject: a username, domain or name.
    pub subject: Option<String>,
    /// Only from this moment on, such as `2026-01-31T00:00:00Z`.
    pub since: Option<String>,
    /// Only before this moment.
    pub until: Option<String>,
}

/// `{webhook}`
#[derive(Debug, Clone, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct WebhookParam {
    /// Id of the webhook.
    #[param(example = "01890a5d-ac96-774b-bcce-b302099a8057")]
    pub webhook: WebhookId,
}

/// `{delivery}`
#[derive(Debug, Clone, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct DeliveryParam {
    /// Id of the delivery.
    #[param(example = "01890a5d-ac96-774b-bcce-b302099a8057")]
    pub delivery: DeliveryId,
}

/// Which deliveries.
#[derive(Debug, Clone, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DeliveryFilterParams {
    /// Only in this state.
    pub state: Option<DeliveryState>,
}

/// Which drift.
#[derive(Debug, Clone, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DriftFilterParams {
    /// Only of this user's account: id, login or email address.
    pub user: Option<String>,
    /// Only what has become this.
    pub state: Option<DriftState>,
}

/// `{kind}`
#[derive(Debug, Clone, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct LogParam {
    /// Which of the site's logs.
    pub kind: LogKind,
}

/// Which lines of a log.
#[derive(Debug, Clone, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LogLinesParams {
    /// How many at most, from the end.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    pub lines: Option<u32>,
    /// Only lines that contain this, in whatever case.
    #[param(max_length = 200)]
    pub filter: Option<String>,
}

/// Whose API keys.
#[derive(Debug, Clone, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct KeyOwnerParam {
    /// Only the keys of this user: id, login or email address.
    pub user: Option<String>,
}
