//! Taking work from the lanes, converging, and putting what was found into the outbox.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use berth_core::link::QuarantineReport;

use crate::host::Host;
use crate::ledger::Ledger;
use crate::link::Outbox;
use crate::reconcile::{Audit, Lanes, Reconciler, Work};
use crate::resource::{inventory, quarantine};

/// The converging side of an agent.
pub struct Worker {
    reconciler: Reconciler,
    host: Arc<dyn Host>,
    ledger: Arc<Mutex<Ledger>>,
    lanes: Arc<Lanes>,
    outbox: Arc<Outbox>,
    /// The request that the audit under way answers.
    answers: Option<u64>,
}

impl Worker {
    /// A worker that takes from the lanes and puts into the outbox.
    pub const fn new(
        reconciler: Reconciler,
        host: Arc<dyn Host>,
        ledger: Arc<Mutex<Ledger>>,
        lanes: Arc<Lanes>,
        outbox: Arc<Outbox>,
    ) -> Self {
        Self { reconciler, host, ledger, lanes, outbox, answers: None }
    }

    /// Works until the lanes say stop; begins with an audit.
    pub fn work(mut self, audit_every: Duration) {
        let mut next_audit = Instant::now();
        let mut retry_at = None;
        loop {
            let until = [Some(next_audit), retry_at].into_iter().flatten().min();
            let work = self.lanes.next(until);
            if work.stop {
                return;
            }
            let now = Instant::now();
            if next_audit <= now {
                next_audit = now + audit_every;
                self.lanes.audit();
            }
            retry_at = self.step(work, now);
        }
    }

    /// Does what the lanes gave, and what is due again; says when something else will be.
    pub fn step(&mut self, mut work: Work, now: Instant) -> Option<Instant> {
        if work.audit == Audit::Begins {
            let wanted = self.outbox.audit_wanted();
            if self.answers.is_none_or(|answered| answered < wanted) && wanted > 0 {
                // Somebody asked, perhaps after mending something: nothing waits for its back-off.
                self.reconciler.forget_failures();
            }
            self.answers = Some(wanted);
            let accounts = self.ledger.lock().unwrap_or_else(PoisonError::into_inner).specs().into_keys();
            self.lanes.begin_audit(accounts);
        }
        work.accounts.extend(self.reconciler.due(now));
        let ends_audit = work.audit == Audit::Ends;
        let worth_it = !work.accounts.is_empty() || ends_audit;
        if worth_it {
            let outcome = self.reconciler.pass(&work.accounts, ends_audit, now);
            if !outcome.reports.is_empty() {
                self.outbox.accounts(outcome.reports);
            }
            self.outbox.gone(outcome.gone);
            self.outbox.drift(outcome.drift);
            self.outbox.node_problems(outcome.node_problems);
        }
        for order in &work.quarantines {
            self.quarantine(order);
        }
        if work.inventory || ends_audit || !work.quarantines.is_empty() {
            self.take_inventory();
        }
        if ends_audit && let Some(answered) = self.answers {
            self.outbox.audited(answered);
        }
        self.reconciler.retry_at()
    }

    fn quarantine(&self, order: &berth_core::link::Quarantine) {
        let ledger = || self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        let known = ledger().quarantine(order.id).cloned();
        let report = known.unwrap_or_else(|| QuarantineReport {
            id: order.id,
            outcome: if ledger().usernames().contains(order.username.as_str()) {
                Err(quarantine::in_use(order))
            } else {
                quarantine::carry_out(self.host.as_ref(), order)
            },
        });
        match &report.outcome {
            Ok(path) => tracing::info!(username = %order.username, path, "a left-over home is in quarantine"),
            Err(problem) => tracing::warn!(username = %order.username, %problem, "cannot move a home aside"),
        }
        if let Err(error) = ledger().record_quarantine(report.clone()) {
            tracing::warn!(%error, "cannot note the result of a quarantine; it is carried out again if asked for");
        }
        self.outbox.quarantine(report);
    }

    fn take_inventory(&self) {
        let ours = self.ledger.lock().unwrap_or_else(PoisonError::into_inner).usernames();
        match inventory::take(self.host.as_ref(), &ours) {
            Ok(inventory) => self.outbox.inventory(inventory),
            Err(error) => tracing::warn!(%error, "cannot see which names and homes are taken"),
        }
    }
}
