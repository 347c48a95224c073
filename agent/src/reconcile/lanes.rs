//! What to look at next: changes before audits, and neither starves.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use berth_core::id::AccountId;
use berth_core::link::Quarantine;

/// Accounts of one pass that come from the audit. Small, so that a change that arrives meanwhile waits for
/// milliseconds only.
const AUDIT_SLICE: usize = 64;

/// Accounts of one pass that come from changes.
const CHANGES_MAX: usize = 512;

/// An audit that had to stand back for changes this long goes on beside them.
const AUDIT_PATIENCE: Duration = Duration::from_secs(1);

/// The two lanes and what else there is to do. Items are keys, never events: twice in is once out.
#[derive(Default)]
pub struct Lanes {
    queue: Mutex<Queue>,
    wake: Condvar,
}

#[derive(Default)]
struct Queue {
    changed: BTreeSet<AccountId>,
    /// What the audit under way has still to look at.
    audit: Option<VecDeque<AccountId>>,
    audit_wanted: bool,
    audit_advanced: Option<Instant>,
    quarantines: Vec<Quarantine>,
    inventory: bool,
    stopping: bool,
}

/// What one pass does.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Accounts to look at.
    pub accounts: BTreeSet<AccountId>,
    /// What this pass is to an audit.
    pub audit: Audit,
    /// Homes to move aside.
    pub quarantines: Vec<Quarantine>,
    /// Whether somebody has changed the account files or the homes.
    pub inventory: bool,
    /// Whether the agent shall end.
    pub stop: bool,
}

/// What a pass is to an audit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Audit {
    /// None of its beginning or end.
    #[default]
    Neither,
    /// A new one shall begin.
    Begins,
    /// With this pass everything has been looked at.
    Ends,
}

impl Lanes {
    fn change(&self, change: impl FnOnce(&mut Queue)) {
        change(&mut self.queue());
        self.wake.notify_all();
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Accounts have changed.
    pub fn changed(&self, accounts: impl IntoIterator<Item = AccountId>) {
        self.change(|queue| queue.changed.extend(accounts));
    }

    /// Everything shall be looked at.
    pub fn audit(&self) {
        self.change(|queue| queue.audit_wanted = true);
    }

    /// A home shall be moved aside.
    pub fn quarantine(&self, orders: impl IntoIterator<Item = Quarantine>) {
        self.change(|queue| {
            for order in orders {
                if !queue.quarantines.contains(&order) {
                    queue.quarantines.push(order);
                }
            }
        });
    }

    /// Somebody has changed names or homes on the node.
    pub fn inventory(&self) {
        self.change(|queue| queue.inventory = true);
    }

    /// The agent shall end after the pass that is under way.
    pub fn stop(&self) {
        self.change(|queue| queue.stopping = true);
    }

    /// Starts an audit of these accounts.
    pub fn begin_audit(&self, accounts: impl IntoIterator<Item = AccountId>) {
        self.change(|queue| {
            queue.audit = Some(accounts.into_iter().collect());
            queue.audit_advanced = None;
        });
    }

    /// Takes what there is to do at this moment; nothing if there is nothing.
    pub fn take(&self, now: Instant) -> Work {
        self.queue().take(now).unwrap_or_default()
    }

    /// Waits until there is something to do, or until a moment, and takes it.
    pub fn next(&self, until: Option<Instant>) -> Work {
        let mut queue = self.queue();
        loop {
            let now = Instant::now();
            if let Some(work) = queue.take(now) {
                return work;
            }
            match until {
                Some(until) if until <= now => return Work::default(),
                Some(until) => {
                    let waited = self.wake.wait_timeout(queue, until - now);
                    queue = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
                None => queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

impl Queue {
    fn take(&mut self, now: Instant) -> Option<Work> {
        let mut work = Work { stop: self.stopping, ..Work::default() };
        while work.accounts.len() < CHANGES_MAX
            && let Some(account) = self.changed.pop_first()
        {
            work.accounts.insert(account);
        }
        work.quarantines = std::mem::take(&mut self.quarantines);
        work.inventory = std::mem::take(&mut self.inventory);
        if let Some(audit) = &mut self.audit {
            let last = *self.audit_advanced.get_or_insert(now);
            if work.accounts.is_empty() || now.duration_since(last) >= AUDIT_PATIENCE {
                let slice = audit.len().min(AUDIT_SLICE);
                work.accounts.extend(audit.drain(..slice));
                self.audit_advanced = Some(now);
                if audit.is_empty() {
                    self.audit = None;
                    work.audit = Audit::Ends;
                }
            }
        } else if std::mem::take(&mut self.audit_wanted) {
            work.audit = Audit::Begins;
        }
        (work != Work::default()).then_some(work)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(range: std::ops::Range<u128>) -> Vec<AccountId> {
        range.map(|number| AccountId(uuid::Uuid::from_u128(number))).collect()
    }

    #[test]
    fn changes_come_first_and_an_audit_goes_on_after_a_while() {
        let mut queue = Queue { audit: Some(ids(0..100).into()), ..Queue::default() };
        let start = Instant::now();
        queue.changed.extend(ids(200..201));
        assert_eq!(queue.take(start).unwrap().accounts, ids(200..201).into_iter().collect());
        queue.changed.extend(ids(201..202));
        let aged = queue.take(start + AUDIT_PATIENCE).unwrap();
        assert_eq!(aged.accounts.len(), 1 + AUDIT_SLICE);
        assert_eq!(aged.audit, Audit::Neither);
        let rest = queue.take(start + AUDIT_PATIENCE).unwrap();
        assert_eq!((rest.accounts.len(), rest.audit), (100 - AUDIT_SLICE, Audit::Ends));
        assert_eq!(queue.take(start), None);
    }

    #[test]
    fn an_account_that_changed_often_is_looked_at_once() {
        let lanes = Lanes::default();
        lanes.changed(ids(1..2));
        lanes.changed(ids(1..3));
        assert_eq!(lanes.next(None).accounts.len(), 2);
        assert_eq!(lanes.next(Some(Instant::now())), Work::default());
    }

    #[test]
    fn an_audit_without_accounts_ends_too_and_a_second_one_waits() {
        let lanes = Lanes::default();
        lanes.audit();
        assert_eq!(lanes.next(None).audit, Audit::Begins);
        lanes.begin_audit([]);
        lanes.audit();
        assert_eq!(lanes.next(None).audit, Audit::Ends);
        assert_eq!(lanes.next(None).audit, Audit::Begins);
    }
}
