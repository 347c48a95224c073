//! One pass.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use berth_core::condition::{ConditionState, Resource};
use berth_core::drift::DriftReport;
use berth_core::id::AccountId;
use berth_core::link::AccountReport;
use berth_core::spec::AccountSpec;
use berth_core::{Code, Problem};
use chrono::{DateTime, Utc};

use super::backoff::{FAILED, PENDING};
use super::{AccountState, Outcome, Reconciler, contained, system_ids};
use crate::drift::{self, Changes, Finding, Recorder};
use crate::ledger::Marks;
use crate::resource::{
    AccountResource, Accounts, Context, Converged, Failure, Observed, SharedResource, account, condition,
};

/// The note of the version of the agent that made the last pass.
const VERSION: &str = "version";

/// An account under way.
pub(super) struct Item {
    pub(super) spec: Arc<AccountSpec>,
    pub(super) state: AccountState,
    pub(super) marks: Marks,
    /// The parts that were tried, for the back-off.
    tried: BTreeSet<Resource>,
    /// Parts that want to be looked at once more, and after which time.
    again: BTreeMap<Resource, Duration>,
}

impl Reconciler {
    /// Looks at these accounts and makes them as they shall be. `audit` says that with this pass everything
    /// has been looked at.
    pub fn pass(&mut self, accounts: &BTreeSet<AccountId>, audit: bool, now: Instant) -> Outcome {
        let mut outcome = Outcome::default();
        let specs = self.ledger().specs();
        let ids = match system_ids(self.host.as_ref()) {
            Ok(ids) => ids,
            Err(problem) => {
                // Nothing could be looked at, so all of it comes again.
                for (id, spec) in accounts.iter().filter_map(|id| Some((id, specs.get(id)?))) {
                    self.backoff.failed(*id, Resource::Account, spec.generation, FAILED, now);
                }
                outcome.node_problems.push(problem);
                outcome.retry_at = self.backoff.next();
                return outcome;
            }
        };
        let (certificates, acme) = {
            let ledger = self.ledger();
            (ledger.certificates(), ledger.acme().cloned())
        };
        let node = Mutex::new(self.ledger().node_marks());
        let host = Arc::clone(&self.host);
        let nothing = Changes::default();
        let context = Context {
            host: host.as_ref(),
            now: self.clock.now(),
            ids,
            certificates: &certificates,
            acme: acme.as_ref(),
            node: &node,
            changes: &nothing,
        };
        let mut items = self.items(accounts, &specs);
        let before: BTreeMap<AccountId, AccountState> =
            items.iter().map(|item| (item.spec.account, item.state.clone())).collect();
        let mut findings = Findings::default();

        self.account_files(&context, &mut items, &mut findings, now);
        self.commit(&context, &specs, &mut items, (true, audit), now, &mut findings);
        self.converge(&context, &mut items, false, now, &mut findings);
        self.commit(&context, &specs, &mut items, (false, audit), now, &mut findings);
        // By now the sites are served.
        self.converge(&context, &mut items, true, now, &mut findings);
        outcome.gone = self.purge(&context, &mut items, now);

        outcome.node_problems = findings.problems;
        outcome.drift = self.drift(&context, &specs, &before, findings.changed);
        let checked_at = context.now;
        let marks = node.into_inner().unwrap_or_else(PoisonError::into_inner);
        // Noted on disk first: what has been put right is not found a second time.
        let noted = self.ledger().note_drift(&outcome.drift);
        outcome.node_problems.extend(noted.as_ref().err().map(ledger_problem));
        let stored = self.ledger().set_node_marks(marks);
        outcome.node_problems.extend(stored.as_ref().err().map(ledger_problem));
        outcome.reports = self.finish(items, checked_at, now, &mut outcome.node_problems);
        outcome.retry_at = self.backoff.next();
        if audit {
            self.afresh = false;
        }
        outcome
    }

    fn items(
        &self,
        accounts: &BTreeSet<AccountId>,
        specs: &BTreeMap<AccountId, Arc<AccountSpec>>,
    ) -> Vec<Item> {
        let worked = accounts.iter().filter_map(|id| specs.get(id));
        worked
            .map(|spec| Item {
                spec: Arc::clone(spec),
                state: self.state(spec.account),
                marks: self.ledger().marks(spec.account),
                tried: BTreeSet::new(),
                again: BTreeMap::new(),
            })
            .collect()
    }

    /// Whether a part is tried in this pass. What is not has failed before, for the same generation.
    pub(super) fn is_due(&self, item: &Item, resource: Resource, now: Instant) -> bool {
        !item.state.conditions.contains_key(&resource)
            || item.state.generation != item.spec.generation
            || self.backoff.allows(item.spec.account, resource, item.spec.generation, now)
    }

    fn account_files(
        &self,
        context: &Context<'_>,
        items: &mut [Item],
        findings: &mut Findings,
        now: Instant,
    ) {
        let due: Vec<Arc<AccountSpec>> = items
            .iter()
            .filter(|item| !item.spec.standing.is_purged() && self.is_due(item, Resource::Account, now))
            .map(|item| Arc::clone(&item.spec))
            .collect();
        let specs: Vec<&AccountSpec> = due.iter().map(AsRef::as_ref).collect();
        if specs.is_empty() {
            return;
        }
        let settled = |spec: &&AccountSpec| {
            let found = items.iter().find(|item| item.spec.account == spec.account);
            found.is_some_and(|item| item.state.is_settled(spec.generation, Resource::Account))
        };
        // Looking for what somebody else has changed takes time, which new accounts need not wait for.
        let watched: Vec<&AccountSpec> = specs.iter().copied().filter(settled).collect();
        let changes = Changes::default();
        let noting = Context { changes: &changes, ..*context };
        let converge = || account::converge(&noting, &self.extra_groups, &specs, &watched);
        let mut results = match contained(Resource::Account.as_str(), converge) {
            Ok(results) => results,
            Err(problem) => specs.iter().map(|spec| (spec.account, Err(problem.clone().into()))).collect(),
        };
        findings.add(Some(Resource::Account), None, changes);
        for item in items {
            if let Some(result) = results.remove(&item.spec.account) {
                item.set(Resource::Account, result);
            }
        }
    }

    /// Converges what each account has for itself, several accounts at a time.
    fn converge(
        &self,
        context: &Context<'_>,
        items: &mut [Item],
        slow: bool,
        now: Instant,
        findings: &mut Findings,
    ) {
        let resources: Vec<&dyn AccountResource> =
            self.account.iter().map(AsRef::as_ref).filter(|resource| resource.is_slow() == slow).collect();
        if resources.is_empty() || items.is_empty() {
            return;
        }
        let findings = Mutex::new(findings);
        let one = |item: &mut Item| {
            for resource in &resources {
                self.converge_one(context, item, *resource, now, &findings);
            }
        };
        let workers = self.workers.min(items.len());
        if workers == 1 {
            return items.iter_mut().filter(|item| !item.spec.standing.is_purged()).for_each(one);
        }
        // What is purged goes in the opposite order, when everything else is done.
        let queue = Mutex::new(items.iter_mut().filter(|item| !item.spec.standing.is_purged()));
        let take = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| {
                    while let Some(item) = take() {
                        one(item);
                    }
                });
            }
        });
    }

    fn converge_one(
        &self,
        context: &Context<'_>,
        item: &mut Item,
        resource: &dyn AccountResource,
        now: Instant,
        findings: &Mutex<&mut Findings>,
    ) {
        let kind = resource.resource();
        // Closing waits for nothing.
        if item.spec.standing.is_open()
            && let Err(problem) = Self::met(&item.state, resource.needs())
        {
            // Not a failure of its own: it is tried as soon as what it needs is there.
            item.state.conditions.insert(kind, condition(kind, Err(Failure::Failed(problem))));
            return;
        }
        if !self.is_due(item, kind, now) {
            return;
        }
        let mut marks = item.marks.clone();
        let changes = Changes::default();
        let recorder = Recorder::new(context.host, &changes);
        // What has never been right can't have been changed by somebody else.
        let host = if item.state.is_settled(item.spec.generation, kind) { &recorder } else { context.host };
        let noting = Context { host, changes: &changes, ..*context };
        let converged = contained(kind.as_str(), || resource.converge(&noting, &item.spec, &mut marks))
            .unwrap_or_else(|problem| Err(Failure::Failed(problem)));
        item.marks = marks;
        if !changes.is_empty() {
            let mut findings = findings.lock().unwrap_or_else(PoisonError::into_inner);
            findings.add(Some(kind), Some(item.spec.account), changes);
        }
        item.set(kind, converged);
    }

    /// Commits what accounts share.
    fn commit(
        &self,
        context: &Context<'_>,
        specs: &BTreeMap<AccountId, Arc<AccountSpec>>,
        items: &mut [Item],
        (first, audit): (bool, bool),
        now: Instant,
        findings: &mut Findings,
    ) {
        for shared in self.shared.iter().filter(|shared| shared.is_first() == first) {
            self.commit_one(context, specs, items, (shared.as_ref(), audit), now, findings);
        }
    }

    fn commit_one(
        &self,
        context: &Context<'_>,
        specs: &BTreeMap<AccountId, Arc<AccountSpec>>,
        items: &mut [Item],
        (shared, audit): (&dyn SharedResource, bool),
        now: Instant,
        findings: &mut Findings,
    ) {
        let part = shared.resource();
        let mut accounts =
            Accounts { ready: BTreeMap::new(), worked: Vec::new(), audit, afresh: self.afresh };
        if let Some(part) = part {
            let worked: BTreeMap<AccountId, usize> =
                items.iter().enumerate().map(|(index, item)| (item.spec.account, index)).collect();
            for (id, spec) in specs {
                let Some(item) = worked.get(id).and_then(|index| items.get_mut(*index)) else {
                    if self.stands(*id, shared.needs()) {
                        accounts.ready.insert(*id, spec);
                    }
                    continue;
                };
                let met =
                    if spec.standing.is_open() { Self::met(&item.state, shared.needs()) } else { Ok(()) };
                match met {
                    Ok(()) => {
                        accounts.ready.insert(*id, spec);
                        if self.is_due(item, part, now) {
                            accounts.worked.push(*id);
                        }
                    }
                    Err(problem) => {
                        let failure = Err(Failure::Failed(problem));
                        item.state.conditions.insert(part, condition(part, failure));
                    }
                }
            }
        }
        let changes = Changes::default();
        let recorder = Recorder::new(context.host, &changes);
        let noting = Context { host: &recorder, changes: &changes, ..*context };
        let mut committed = match contained(shared.name(), || shared.commit(&noting, &accounts)) {
            Ok(committed) => committed,
            Err(problem) => {
                findings.problems.push(problem.clone());
                let failed = |id: &AccountId| (*id, Err(Failure::Failed(problem.clone())));
                crate::resource::SharedOutcome {
                    accounts: accounts.worked.iter().map(failed).collect(),
                    node: Vec::new(),
                }
            }
        };
        findings.add(part, None, changes);
        findings.problems.append(&mut committed.node);
        let Some(part) = part else { return };
        for item in items {
            if let Some(result) = committed.accounts.remove(&item.spec.account) {
                item.set(part, result);
            }
        }
    }

    /// What of the changes of a pass was not asked for.
    fn drift(
        &self,
        context: &Context<'_>,
        specs: &BTreeMap<AccountId, Arc<AccountSpec>>,
        before: &BTreeMap<AccountId, AccountState>,
        findings: Vec<Finding>,
    ) -> Vec<DriftReport> {
        // Another version of the agent may write other files; the first pass that it makes says nothing of
        // what somebody else has done.
        let version = env!("CARGO_PKG_VERSION");
        let known = context.node_mark(VERSION).as_deref() == Some(version);
        context.set_node_mark(VERSION, version);
        if !known {
            return Vec::new();
        }
        let state = |id: &AccountId| before.get(id).cloned().unwrap_or_else(|| self.state(*id));
        let settled = |account: Option<AccountId>, resource: Option<Resource>| match account {
            Some(id) => {
                let (spec, state) = (specs.get(&id)?, state(&id));
                let part = resource.unwrap_or(Resource::Account);
                state.is_settled(spec.generation, part).then_some(state.checked_at)
            }
            // What all share may have changed for any account that is new to this pass.
            None => before
                .iter()
                .all(|(id, state)| {
                    specs.get(id).is_some_and(|spec| {
                        state.is_settled(spec.generation, resource.unwrap_or(Resource::Account))
                    })
                })
                .then(|| before.values().filter_map(|state| state.checked_at).max()),
        };
        drift::reports(context.host, specs, findings, &settled, context.now)
    }

    /// Stores what the accounts' resources noted, and says what is new for the server.
    fn finish(
        &mut self,
        items: Vec<Item>,
        checked_at: DateTime<Utc>,
        now: Instant,
        node: &mut Vec<Problem>,
    ) -> Vec<AccountReport> {
        let mut reports = Vec::new();
        for item in items {
            let Item { spec, mut state, marks, tried, again } = item;
            state.generation = spec.generation;
            state.checked_at = Some(checked_at);
            self.backoff.drop_untried(spec.account, &tried, now);
            for resource in tried {
                match state.conditions.get(&resource).map(|condition| &condition.state) {
                    Some(ConditionState::Failed(_) | ConditionState::Unsupported(_)) => {
                        self.backoff.failed(spec.account, resource, spec.generation, FAILED, now);
                    }
                    Some(ConditionState::Pending) => {
                        self.backoff.failed(spec.account, resource, spec.generation, PENDING, now);
                    }
                    Some(ConditionState::Converged) | None => {
                        self.backoff.succeeded(spec.account, resource);
                        if let Some(after) = again.get(&resource) {
                            self.backoff.failed(spec.account, resource, spec.generation, *after, now);
                        }
                    }
                }
            }
            let report = AccountReport {
                account: spec.account,
                generation: spec.generation,
                conditions: state.conditions.values().cloned().collect(),
            };
            let mut ledger = self.ledger();
            let stored = ledger.set_marks(spec.account, marks);
            node.extend(stored.as_ref().err().map(ledger_problem));
            let known = ledger.reported(spec.account) == Some(&report);
            drop(ledger);
            self.checked.insert(spec.account, checked_at);
            if known {
                // The ledger has it all; of most accounts nothing more is held.
                self.states.remove(&spec.account);
            } else {
                reports.push(report);
                self.states.insert(spec.account, state);
            }
        }
        reports
    }
}

/// What comes up beside the conditions of accounts.
#[derive(Default)]
struct Findings {
    /// What is wrong with the node.
    problems: Vec<Problem>,
    /// What resources have changed.
    changed: Vec<Finding>,
}

impl Findings {
    fn add(&mut self, resource: Option<Resource>, account: Option<AccountId>, changes: Changes) {
        let changes = changes.into_vec();
        if !changes.is_empty() {
            self.changed.push(Finding { resource, account, changes });
        }
    }
}

impl Item {
    pub(super) fn set(&mut self, resource: Resource, converged: Converged) {
        let again = converged.as_ref().ok().and_then(Observed::again);
        self.again.extend(again.map(|after| (resource, after)));
        let condition = condition(resource, converged);
        if let Some(problem) = condition.state.problem() {
            let known = self.state.conditions.get(&resource).and_then(|c| c.state.problem());
            if known != Some(problem) {
                tracing::warn!(
                    account = %self.spec.username,
                    %resource,
                    problem = %problem,
                    "a resource has not converged"
                );
            }
        }
        self.tried.insert(resource);
        self.state.conditions.insert(resource, condition);
    }
}

fn ledger_problem(error: &io::Error) -> Problem {
    Problem::new(Code::HostFailed, error.to_string())
}
