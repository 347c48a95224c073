//! Resources: the parts of an account on a host. Each observes, compares and applies, and is safe to repeat.
//!
//! An [`AccountResource`] converges one account at a time and never concerns another one. A [`SharedResource`]
//! is one thing that all accounts use: it is given all of them and commits once per pass.

use std::collections::BTreeMap;
use std::time::Duration;

use berth_core::certificate::Thumbprint;
use berth_core::condition::{Condition, ConditionState, Resource};
use berth_core::id::AccountId;
use berth_core::spec::AccountSpec;
use berth_core::{Code, Problem};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::drift::{Change, Changes};
use crate::host::{Host, HostError};
use crate::ledger::{Certificates, Marks};

pub mod account;
pub mod directories;
pub mod egress;
pub mod gone;
pub mod home;
pub mod inventory;
pub mod php;
pub mod quarantine;
pub mod quota;
pub mod sftp;
pub mod site;
pub mod slice;
pub mod timers;
pub mod tls;
pub mod web_users;

/// What a resource works with.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The host.
    pub host: &'a dyn Host,
    /// The moment of the pass.
    pub now: DateTime<Utc>,
    /// Ids of the users and groups that the package makes.
    pub ids: SystemIds,
    /// The certificates that specs name, as far as the node has them.
    pub certificates: &'a Certificates,
    /// What the web server answers challenges of the certification authority with.
    pub acme: Option<&'a Thumbprint>,
    /// Notes about the node as a whole, such as what a server was last reloaded for; stored at the end of the
    /// pass.
    pub node: &'a std::sync::Mutex<Marks>,
    /// What is changed, so that drift can be told from what was asked for.
    pub changes: &'a Changes,
}

impl Context<'_> {
    /// A note about the node.
    pub fn node_mark(&self, name: &str) -> Option<String> {
        self.node.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(name).map(str::to_owned)
    }

    /// Notes that something was found otherwise than it shall be and is right now. Needed only for what does
    /// not go through the files and units of the host, which note themselves: a quota, a property, a set
    /// element, a grant. `object` says what in plain words, with its name; `found` and `made` are values.
    pub fn changed(
        &self,
        account: Option<AccountId>,
        object: impl Into<String>,
        found: Option<String>,
        made: Option<String>,
    ) {
        self.changes.note(Change { account, object: object.into(), found, made });
    }

    /// Writes a note about the node.
    pub fn set_node_mark(&self, name: &str, value: impl Into<String>) {
        self.node.lock().unwrap_or_else(std::sync::PoisonError::into_inner).set(name, value);
    }
}

/// Numeric ids of Berth's own system users and groups on this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SystemIds {
    /// User of nginx's workers.
    pub web_uid: u32,
    /// Its group.
    pub web_gid: u32,
    /// User who owns the keys of certificates.
    pub tls_uid: u32,
    /// User who owns the logs of sites.
    pub log_uid: u32,
    /// Its group.
    pub log_gid: u32,
    /// Group of everybody with file transfer.
    pub sftp_gid: u32,
}

/// A part of an account that concerns no other account.
pub trait AccountResource: Send + Sync {
    /// Which part.
    fn resource(&self) -> Resource;

    /// The parts of the account that must have converged before; otherwise this one is not tried.
    fn needs(&self) -> &'static [Resource] {
        &[Resource::Account]
    }

    /// Whether it takes its time and nothing waits for it: then it comes after the commit of what is shared.
    fn is_slow(&self) -> bool {
        false
    }

    /// Makes the host match the spec and says what it then shows. With nothing to do it only reads. `marks`
    /// are the account's notes in the ledger, stored before the pass ends.
    fn converge(&self, context: &Context<'_>, spec: &AccountSpec, marks: &mut Marks) -> Converged;
}

/// Something that all accounts use.
pub trait SharedResource: Send + Sync {
    /// Name in logs.
    fn name(&self) -> &'static str;

    /// The part of each account that this resource answers for, if it does.
    fn resource(&self) -> Option<Resource> {
        None
    }

    /// The parts of the account that must have converged before; otherwise the account is left out of `ready`.
    fn needs(&self) -> &'static [Resource] {
        &[Resource::Account]
    }

    /// Whether it comes before the accounts' own parts instead of after them.
    fn is_first(&self) -> bool {
        false
    }

    /// Commits once for all accounts: one validation, at most one reload, rolled back if it is refused.
    fn commit(&self, context: &Context<'_>, accounts: &Accounts<'_>) -> SharedOutcome;
}

/// The accounts of a commit.
pub struct Accounts<'a> {
    /// Every account of the node whose needs are met, by id.
    pub ready: BTreeMap<AccountId, &'a AccountSpec>,
    /// The ready ones that this pass works on; the others are as they were, and are only there for the
    /// contents of shared files.
    pub worked: Vec<AccountId>,
    /// Whether the pass looks at everything: then what belongs to nobody is removed.
    pub audit: bool,
    /// Whether somebody has asked to look at everything anew, perhaps after mending something: then what was
    /// refused before is tried again for the accounts that are worked on.
    pub afresh: bool,
}

impl<'a> Accounts<'a> {
    /// The specs that this pass works on.
    pub fn worked(&self) -> impl Iterator<Item = &'a AccountSpec> + '_ {
        self.worked.iter().filter_map(|id| self.ready.get(id).copied())
    }
}

/// What came out of a commit.
#[derive(Debug, Default)]
pub struct SharedOutcome {
    /// For each account worked on, how its part is.
    pub accounts: BTreeMap<AccountId, Converged>,
    /// What is wrong for all; shown with the node.
    pub node: Vec<Problem>,
}

/// What a resource showed, or why it is not as it shall be.
pub type Converged = Result<Observed, Failure>;

/// Values read back from the host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    values: Map<String, Value>,
    again: Option<Duration>,
}

impl Observed {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.values.insert(name.to_owned(), value.into());
        self
    }

    /// Has the resource looked at again after a while, although it is as it shall be.
    #[must_use]
    pub const fn look_again(mut self, after: Option<Duration>) -> Self {
        self.again = after;
        self
    }

    /// When the resource shall be looked at again, if it is not the next audit that does.
    pub const fn again(&self) -> Option<Duration> {
        self.again
    }
}

/// Why a resource is not as it shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Under way; it is looked at again soon.
    Pending(Problem),
    /// The next pass tries again.
    Failed(Problem),
    /// The host can't do it.
    Unsupported(Problem),
}

impl Failure {
    /// A failure with a code of its own.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self::Failed(Problem::new(code, detail))
    }

    /// The problem.
    pub const fn problem(&self) -> &Problem {
        match self {
            Self::Pending(problem) | Self::Failed(problem) | Self::Unsupported(problem) => problem,
        }
    }
}

impl From<HostError> for Failure {
    fn from(error: HostError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Failed(problem)
    }
}

/// The condition that a resource is reported with.
pub fn condition(resource: Resource, converged: Converged) -> Condition {
    match converged {
        Ok(observed) => Condition { resource, state: ConditionState::Converged, observed: observed.values },
        Err(Failure::Pending(_)) => Condition::new(resource, ConditionState::Pending),
        Err(Failure::Failed(problem)) => Condition::new(resource, ConditionState::Failed(problem)),
        Err(Failure::Unsupported(problem)) => Condition::new(resource, ConditionState::Unsupported(problem)),
    }
}
