//! One pass.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use berth_core::condition::{Condition, ConditionState, Resource};
use berth_core::id::AccountId;
use berth_core::link::AccountReport;
use berth_core::spec::AccountSpec;
use berth_core::{Code, Problem};

use super::backoff::{FAILED, PENDING};
use super::{AccountState, Outcome, Reconciler, contained, system_ids};
use crate::ledger::Marks;
use crate::resource::{AccountResource, Accounts, Context, Failure, SharedResource, account, condition};

/// An account under way.
struct Item {
    spec: Arc<AccountSpec>,
    state: AccountState,
    marks: Marks,
    /// The parts that were tried, for the back-off.
    tried: BTreeSet<Resource>,
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
        let node = Mutex::new(self.ledger().node_marks());
        let host = Arc::clone(&self.host);
        let context = Context { host: host.as_ref(), now: self.clock.now(), ids, node: &node };
        let mut items = self.items(accounts, &specs);

        self.account_files(&context, &mut items, now);
        self.commit(&context, &specs, &mut items, (true, audit), now, &mut outcome.node_problems);
        self.converge(&context, &mut items, false, now);
        self.commit(&context, &specs, &mut items, (false, audit), now, &mut outcome.node_problems);
        // By now the sites are served.
        self.converge(&context, &mut items, true, now);

        let marks = node.into_inner().unwrap_or_else(PoisonError::into_inner);
        let stored = self.ledger().set_node_marks(marks);
        outcome.node_problems.extend(stored.as_ref().err().map(ledger_problem));
        outcome.reports = self.finish(items, now, &mut outcome.node_problems);
        outcome.retry_at = self.backoff.next();
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
            })
            .collect()
    }

    /// Whether a part is tried in this pass. What is not has failed before, for the same generation.
    fn is_due(&self, item: &Item, resource: Resource, now: Instant) -> bool {
        !item.state.conditions.contains_key(&resource)
            || item.state.generation != item.spec.generation
            || self.backoff.allows(item.spec.account, resource, item.spec.generation, now)
    }

    fn account_files(&self, context: &Context<'_>, items: &mut [Item], now: Instant) {
        let due: Vec<Arc<AccountSpec>> = items
            .iter()
            .filter(|item| self.is_due(item, Resource::Account, now))
            .map(|item| Arc::clone(&item.spec))
            .collect();
        let specs: Vec<&AccountSpec> = due.iter().map(AsRef::as_ref).collect();
        if specs.is_empty() {
            return;
        }
        let converge = || account::converge(context, &self.extra_groups, &specs);
        let mut results = match contained(Resource::Account.as_str(), converge) {
            Ok(results) => results,
            Err(problem) => specs.iter().map(|spec| (spec.account, Err(problem.clone().into()))).collect(),
        };
        for item in items {
            if let Some(result) = results.remove(&item.spec.account) {
                item.set(condition(Resource::Account, result));
            }
        }
    }

    /// Converges what each account has for itself, several accounts at a time.
    fn converge(&self, context: &Context<'_>, items: &mut [Item], slow: bool, now: Instant) {
        let resources: Vec<&dyn AccountResource> =
            self.account.iter().map(AsRef::as_ref).filter(|resource| resource.is_slow() == slow).collect();
        if resources.is_empty() || items.is_empty() {
            return;
        }
        let one = |item: &mut Item| {
            for resource in &resources {
                self.converge_one(context, item, *resource, now);
            }
        };
        let workers = self.workers.min(items.len());
        if workers == 1 {
            return items.iter_mut().for_each(one);
        }
        let queue = Mutex::new(items.iter_mut());
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
    ) {
        let kind = resource.resource();
        if let Err(problem) = Self::met(&item.state, resource.needs()) {
            // Not a failure of its own: it is tried as soon as what it needs is there.
            item.state.conditions.insert(kind, condition(kind, Err(Failure::Failed(problem))));
            return;
        }
        if !self.is_due(item, kind, now) {
            return;
        }
        let mut marks = item.marks.clone();
        let converged = contained(kind.as_str(), || resource.converge(context, &item.spec, &mut marks))
            .unwrap_or_else(|problem| Err(Failure::Failed(problem)));
        item.marks = marks;
        item.set(condition(kind, converged));
    }

    /// Commits what accounts share.
    fn commit(
        &self,
        context: &Context<'_>,
        specs: &BTreeMap<AccountId, Arc<AccountSpec>>,
        items: &mut [Item],
        (first, audit): (bool, bool),
        now: Instant,
        node: &mut Vec<Problem>,
    ) {
        for shared in self.shared.iter().filter(|shared| shared.is_first() == first) {
            self.commit_one(context, specs, items, (shared.as_ref(), audit), now, node);
        }
    }

    fn commit_one(
        &self,
        context: &Context<'_>,
        specs: &BTreeMap<AccountId, Arc<AccountSpec>>,
        items: &mut [Item],
        (shared, audit): (&dyn SharedResource, bool),
        now: Instant,
        node: &mut Vec<Problem>,
    ) {
        let part = shared.resource();
        let mut accounts = Accounts { ready: BTreeMap::new(), worked: Vec::new(), audit };
        if let Some(part) = part {
            let worked: BTreeMap<AccountId, usize> =
                items.iter().enumerate().map(|(index, item)| (item.spec.account, index)).collect();
            for (id, spec) in specs {
                let Some(item) = worked.get(id).and_then(|index| items.get_mut(*index)) else {
                    if Self::met(&self.state(*id), shared.needs()).is_ok() {
                        accounts.ready.insert(*id, spec);
                    }
                    continue;
                };
                match Self::met(&item.state, shared.needs()) {
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
        let mut committed = match contained(shared.name(), || shared.commit(context, &accounts)) {
            Ok(committed) => committed,
            Err(problem) => {
                node.push(problem.clone());
                let failed = |id: &AccountId| (*id, Err(Failure::Failed(problem.clone())));
                crate::resource::SharedOutcome {
                    accounts: accounts.worked.iter().map(failed).collect(),
                    node: Vec::new(),
                }
            }
        };
        node.append(&mut committed.node);
        let Some(part) = part else { return };
        for item in items {
            if let Some(result) = committed.accounts.remove(&item.spec.account) {
                item.set(condition(part, result));
            }
        }
    }

    /// Stores what the accounts' resources noted, and says what is new for the server.
    fn finish(&mut self, items: Vec<Item>, now: Instant, node: &mut Vec<Problem>) -> Vec<AccountReport> {
        let mut reports = Vec::new();
        for item in items {
            let Item { spec, mut state, marks, tried } = item;
            state.generation = spec.generation;
            self.backoff.drop_untried(spec.account, &tried, now);
            for resource in tried {
                match state.conditions.get(&resource).map(|condition| &condition.state) {
                    Some(ConditionState::Failed(_) | ConditionState::Unsupported(_)) => {
                        self.backoff.failed(spec.account, resource, spec.generation, FAILED, now);
                    }
                    Some(ConditionState::Pending) => {
                        self.backoff.failed(spec.account, resource, spec.generation, PENDING, now);
                    }
                    Some(ConditionState::Converged) | None => self.backoff.succeeded(spec.account, resource),
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
            if ledger.reported(spec.account) != Some(&report) {
                reports.push(report);
            }
            drop(ledger);
            self.states.insert(spec.account, state);
        }
        reports
    }
}

impl Item {
    fn set(&mut self, condition: Condition) {
        if let Some(problem) = condition.state.problem() {
            let known = self.state.conditions.get(&condition.resource).and_then(|c| c.state.problem());
            if known != Some(problem) {
                tracing::warn!(
                    account = %self.spec.username,
                    resource = %condition.resource,
                    problem = %problem,
                    "a resource has not converged"
                );
            }
        }
        self.tried.insert(condition.resource);
        self.state.conditions.insert(condition.resource, condition);
    }
}

fn ledger_problem(error: &io::Error) -> Problem {
    Problem::new(Code::HostFailed, error.to_string())
}
