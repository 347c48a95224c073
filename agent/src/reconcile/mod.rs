//! The level-triggered pass: whatever shall be is compared with what is, and made so.
//!
//! Account files come first, for all accounts of the pass at once, since everything else needs the ids; then
//! what is shared and comes first; then each account on its own; then what is shared and comes last, once;
//! then what is slow. A resource that failed is left alone until its back-off is over; nothing else waits for
//! it.

mod backoff;
mod lanes;
#[cfg(test)]
mod life_tests;
mod pass;
mod purge;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use berth_core::condition::{Condition, ConditionState, Resource};
use berth_core::drift::DriftReport;
use berth_core::id::AccountId;
use berth_core::layout::{LOG_USER, SFTP_GROUP, TLS_USER, WEB_USER};
use berth_core::link::{AccountReport, GoneReport};
use berth_core::{Code, Problem};
use chrono::{DateTime, Utc};

pub use lanes::{Audit, Lanes, Work};

use crate::host::Host;
use crate::host::faulty::Killed;
use crate::ledger::Ledger;
use crate::resource::account::{field, lines};
use crate::resource::{AccountResource, SharedResource, SystemIds};
use backoff::Backoff;

/// The moment, for whoever needs the date.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> DateTime<Utc>;
}

/// Randomness that spreads retries, from 0 up to 1.
pub type Jitter = Arc<dyn Fn() -> f64 + Send + Sync>;

/// Everything that an agent converges with.
pub struct Reconciler {
    host: Arc<dyn Host>,
    ledger: Arc<Mutex<Ledger>>,
    clock: Arc<dyn Clock>,
    extra_groups: Vec<String>,
    account: Vec<Box<dyn AccountResource>>,
    shared: Vec<Box<dyn SharedResource>>,
    /// How accounts were, where that differs from what the server is known to know.
    states: BTreeMap<AccountId, AccountState>,
    /// When accounts were last looked at in this run.
    checked: BTreeMap<AccountId, DateTime<Utc>>,
    backoff: Backoff,
    /// Whether an audit is under way that somebody has asked for.
    afresh: bool,
    workers: usize,
}

/// Accounts that converge at the same time: most of it is waiting for disk and service manager.
const WORKERS: usize = 8;

/// How an account was when it was last looked at.
#[derive(Debug, Clone, Default)]
struct AccountState {
    generation: u64,
    conditions: BTreeMap<Resource, Condition>,
    /// When this run of the agent last looked.
    checked_at: Option<DateTime<Utc>>,
}

impl AccountState {
    /// Whether a part was right for this generation when it was last looked at: what is wrong with it now was
    /// done by somebody else.
    fn is_settled(&self, generation: u64, resource: Resource) -> bool {
        self.generation == generation
            && self.conditions.get(&resource).is_some_and(|condition| {
                matches!(condition.state, ConditionState::Converged | ConditionState::Unsupported(_))
            })
    }
}

/// What a pass found.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Accounts whose report differs from what the server has.
    pub reports: Vec<AccountReport>,
    /// Accounts that were purged, and of which nothing is left.
    pub gone: Vec<GoneReport>,
    /// What somebody else had changed.
    pub drift: Vec<DriftReport>,
    /// What is wrong with the node.
    pub node_problems: Vec<Problem>,
    /// When the next resource may be tried again.
    pub retry_at: Option<Instant>,
}

impl Reconciler {
    /// A reconciler of the given resources.
    pub fn new(
        host: Arc<dyn Host>,
        ledger: Arc<Mutex<Ledger>>,
        clock: Arc<dyn Clock>,
        jitter: Jitter,
        extra_groups: Vec<String>,
    ) -> Self {
        Self {
            host,
            ledger,
            clock,
            extra_groups,
            account: Vec::new(),
            shared: Vec::new(),
            states: BTreeMap::new(),
            checked: BTreeMap::new(),
            backoff: Backoff::new(jitter),
            afresh: false,
            workers: WORKERS,
        }
    }

    /// Has accounts converge one after the other, on the thread that makes the pass, so that the order of
    /// calls to the host is always the same.
    #[must_use]
    pub const fn one_at_a_time(mut self) -> Self {
        self.workers = 1;
        self
    }

    /// Adds a part of accounts; parts converge in the order in which they are added.
    #[must_use]
    pub fn with(mut self, resource: impl AccountResource + 'static) -> Self {
        self.account.push(Box::new(resource));
        self
    }

    /// Adds something that accounts share.
    #[must_use]
    pub fn with_shared(mut self, resource: impl SharedResource + 'static) -> Self {
        self.shared.push(Box::new(resource));
        self
    }

    /// Accounts of which a resource may be tried again at this moment.
    pub fn due(&self, now: Instant) -> BTreeSet<AccountId> {
        self.backoff.due(now)
    }

    /// When the next resource may be tried again.
    pub fn retry_at(&self) -> Option<Instant> {
        self.backoff.next()
    }

    /// Tries everything again at the next pass.
    pub fn forget_failures(&mut self) {
        self.afresh = true;
        self.backoff.clear();
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How an account was last, in this run or, by its report, in an earlier one.
    fn state(&self, account: AccountId) -> AccountState {
        if let Some(state) = self.states.get(&account) {
            return state.clone();
        }
        let ledger = self.ledger();
        ledger.reported(account).map_or_else(AccountState::default, |report| AccountState {
            generation: report.generation,
            conditions: report.conditions.iter().map(|c| (c.resource, c.clone())).collect(),
            checked_at: self.checked.get(&account).copied(),
        })
    }

    /// Whether all of these parts of an account that is not worked on are as they shall be.
    fn stands(&self, account: AccountId, needs: &[Resource]) -> bool {
        let fine = |condition: &Condition| {
            matches!(condition.state, ConditionState::Converged | ConditionState::Unsupported(_))
        };
        if let Some(state) = self.states.get(&account) {
            return needs.iter().all(|need| state.conditions.get(need).is_some_and(fine));
        }
        let ledger = self.ledger();
        let conditions = ledger.reported(account).map(|report| report.conditions.as_slice());
        let of = |need| conditions.unwrap_or_default().iter().find(|condition| condition.resource == need);
        needs.iter().all(|need| of(*need).is_some_and(fine))
    }

    /// Whether all of these parts are as they shall be, or as good as the host can make them.
    fn met(state: &AccountState, needs: &[Resource]) -> Result<(), Problem> {
        for need in needs {
            match state.conditions.get(need).map(|condition| &condition.state) {
                Some(ConditionState::Converged | ConditionState::Unsupported(_)) => {}
                Some(ConditionState::Failed(problem)) => {
                    let detail = format!("waits for the resource `{need}`: {}", problem.detail);
                    return Err(Problem { detail, field: None, ..problem.clone() });
                }
                Some(ConditionState::Pending) | None => {
                    return Err(Problem::new(Code::HostFailed, format!("waits for the resource `{need}`")));
                }
            }
        }
        Ok(())
    }
}

/// Looks up the users and groups that the package makes.
fn system_ids(host: &dyn Host) -> Result<SystemIds, Problem> {
    let missing = |what: &str, name: &str| {
        Problem::new(Code::HostFailed, format!("the {what} {name} does not exist on the node"))
            .hint("make it with `systemd-sysusers`")
    };
    let passwd = host.read("/etc/passwd").map_err(Problem::from)?.unwrap_or_default();
    let group = host.read("/etc/group").map_err(Problem::from)?.unwrap_or_default();
    let number = |bytes: &[u8], name: &str, index: usize| {
        let line = lines(bytes).find(|line| field(line, 0) == name.as_bytes())?;
        str::from_utf8(field(line, index)).ok()?.parse::<u32>().ok()
    };
    let user = |name: &str| number(&passwd, name, 2).ok_or_else(|| missing("user", name));
    let of_group = |name: &str| number(&group, name, 2).ok_or_else(|| missing("group", name));
    Ok(SystemIds {
        web_uid: user(WEB_USER)?,
        web_gid: of_group(WEB_USER)?,
        tls_uid: user(TLS_USER)?,
        log_uid: user(LOG_USER)?,
        log_gid: of_group(LOG_USER)?,
        sftp_gid: of_group(SFTP_GROUP)?,
    })
}

/// Runs something of one account or resource, so that its panic is its own failure and nobody else's.
fn contained<T>(what: &str, run: impl FnOnce() -> T) -> Result<T, Problem> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|payload| {
        if payload.is::<Killed>() {
            resume_unwind(payload);
        }
        let said = said(payload.as_ref());
        tracing::error!(resource = what, panic = said, "a resource panicked");
        Problem::new(Code::Internal, format!("the agent failed at the resource `{what}`"))
            .hint("the agent's journal has the details")
    })
}

fn said(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}
