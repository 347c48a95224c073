//! What server and agent say to each other. The agent always asks; the server never calls.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Problem;
use crate::certificate::{SiteCertificate, Thumbprint};
use crate::condition::Condition;
use crate::drift::DriftReport;
use crate::id::{AccountId, NodeId, QuarantineId};
use crate::inquiry::{Inquiry, Reply};
use crate::name::Username;
use crate::spec::AccountSpec;
use crate::timer::{RunOutcome, TimerName};

/// `POST /agent/v1/pull`: the agent asks for what is newer than it knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PullRequest {
    /// Newest generation in the agent's ledger.
    pub cursor: u64,
    /// The last [`PullResponse::audit`] that the agent has acted on.
    pub audit: u64,
    /// Most accounts that the answer may hold.
    pub limit: u32,
    /// How long to wait, in milliseconds, if there is nothing new.
    pub wait_ms: u32,
    /// Version of the agent.
    pub version: String,
    /// What the agent answers challenges with; a server that has another one says so at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acme: Option<Thumbprint>,
}

/// Answer to [`PullRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullResponse {
    /// The node that the agent speaks for.
    pub node: NodeId,
    /// Specs with a generation above the cursor, oldest change first.
    pub accounts: Vec<AccountSpec>,
    /// Whether there is more; the agent asks again at once.
    pub more: bool,
    /// Rises when somebody wants the node to audit now.
    pub audit: u64,
    /// Homes to move aside.
    pub quarantines: Vec<Quarantine>,
    /// The certificates that the accounts name.
    #[serde(default)]
    pub certificates: Vec<SiteCertificate>,
    /// What the web server answers challenges of the certification authority with, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acme: Option<Thumbprint>,
    /// What somebody wants to know now; each is given out once.
    #[serde(default)]
    pub inquiries: Vec<Inquiry>,
}

/// An order to move a left-over home aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quarantine {
    /// The order.
    pub id: QuarantineId,
    /// `/home/<username>` moves; no account of Berth has that name.
    pub username: Username,
}

/// `POST /agent/v1/report`: what the agent has found and done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Report {
    /// Accounts that the agent has worked on or found changed.
    pub accounts: Vec<AccountReport>,
    /// Sent when it differs from what was sent last.
    pub inventory: Option<Inventory>,
    /// Results of quarantines.
    pub quarantines: Vec<QuarantineReport>,
    /// When a full audit ended: the number that it answers, see [`PullResponse::audit`].
    pub audited: Option<u64>,
    /// What is wrong with the node as a whole.
    pub node_problems: Option<Vec<Problem>>,
    /// Answers to inquiries.
    pub replies: Vec<Reply>,
    /// What somebody else had changed, until the server has confirmed it.
    pub drift: Vec<DriftReport>,
    /// Runs of timers; one that the server knows already is no news.
    pub timer_runs: Vec<TimerRunReport>,
    /// Accounts of which nothing is left.
    pub gone: Vec<GoneReport>,
}

/// What a node says of one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountReport {
    /// The account.
    pub account: AccountId,
    /// The generation that the conditions are about.
    pub generation: u64,
    /// One for each resource.
    pub conditions: Vec<Condition>,
}

/// An account that shall be purged, and of which nothing is left on the node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoneReport {
    /// The account.
    pub account: AccountId,
    /// The generation that wanted it gone.
    pub generation: u64,
    /// What was looked for after everything had been removed, and not found.
    pub looked: Vec<Looked>,
}

/// Something that was looked for on a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Looked {
    /// What kind of thing, such as `home` or `user in /etc/passwd`.
    pub what: String,
    /// Where, or under which name.
    pub place: String,
}

/// A run of a timer, as the tenant's own processes wrote it down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimerRunReport {
    /// The account.
    pub account: AccountId,
    /// The timer.
    pub timer: TimerName,
    /// When it began; with account and timer this tells one run from another.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: DateTime<Utc>,
    /// How.
    pub outcome: RunOutcome,
    /// Whether the output's beginning is missing.
    pub truncated: bool,
    /// The end of what it said.
    pub output: String,
}

/// Names on the node that are not Berth's, so that a create can refuse them before anything is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// Accounts and groups that Berth does not own and whose names a username could have.
    pub names: Vec<String>,
    /// Directories below `/home` that no account of Berth owns and whose names a username could have.
    pub homes: Vec<String>,
}

/// Result of a quarantine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineReport {
    /// The order.
    pub id: QuarantineId,
    /// Where the home is now, or why it could not be moved.
    pub outcome: Result<String, Problem>,
}
