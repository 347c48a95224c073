//! What there is to report, the newest of each kind; sent together, kept until the server has it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use berth_core::Problem;
use berth_core::drift::DriftReport;
use berth_core::id::AccountId;
use berth_core::inquiry::Reply;
use berth_core::link::{AccountReport, GoneReport, Inventory, QuarantineReport, Report, TimerRunReport};
use berth_core::timer::TimerName;
use tokio::sync::Notify;

use crate::ledger::Ledger;

/// Reports on their way.
#[derive(Default)]
pub struct Outbox {
    pending: Mutex<Pending>,
    wake: Notify,
}

#[derive(Default)]
struct Pending {
    accounts: BTreeMap<AccountId, AccountReport>,
    inventory: Option<Inventory>,
    quarantines: Vec<QuarantineReport>,
    audited: Option<u64>,
    node_problems: Option<Vec<Problem>>,
    drift: Vec<DriftReport>,
    gone: Vec<GoneReport>,
    /// Runs of timers: to be sent, on their way, and with the server.
    runs: BTreeMap<RunKey, TimerRunReport>,
    runs_sent: BTreeSet<RunKey>,
    runs_delivered: BTreeSet<RunKey>,
    replies: Vec<Reply>,
    /// What was reported last of what is only sent when it changes.
    last_inventory: Option<Inventory>,
    last_node_problems: Option<Vec<Problem>>,
    /// The newest request for an audit.
    audit_wanted: u64,
}

/// A run: account, timer and beginning in microseconds.
pub type RunKey = (AccountId, TimerName, i64);

/// Output of runs in one report, in bytes. As JSON it can double, and a report may have a megabyte.
const OUTPUT_MAX: usize = 300 * 1024;

/// Accounts in one report.
const ACCOUNTS_MAX: usize = 500;

impl Outbox {
    fn change(&self, change: impl FnOnce(&mut Pending)) {
        change(&mut self.pending());
        self.wake.notify_one();
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reports accounts.
    pub fn accounts(&self, reports: Vec<AccountReport>) {
        self.change(|pending| pending.accounts.extend(reports.into_iter().map(|r| (r.account, r))));
    }

    /// Reports names and homes, if they differ from what was reported last.
    pub fn inventory(&self, inventory: Inventory) {
        self.change(|pending| {
            if pending.last_inventory.as_ref() != Some(&inventory) {
                pending.last_inventory = Some(inventory.clone());
                pending.inventory = Some(inventory);
            }
        });
    }

    /// Reports what is wrong with the node, if it differs from what was reported last.
    pub fn node_problems(&self, problems: Vec<Problem>) {
        self.change(|pending| {
            if pending.last_node_problems.as_ref() != Some(&problems) {
                pending.last_node_problems = Some(problems.clone());
                pending.node_problems = Some(problems);
            }
        });
    }

    /// Reports what somebody else had changed.
    pub fn drift(&self, reports: Vec<DriftReport>) {
        if !reports.is_empty() {
            self.change(|pending| pending.drift.extend(reports));
        }
    }

    /// Reports that nothing is left of accounts.
    pub fn gone(&self, reports: Vec<GoneReport>) {
        if !reports.is_empty() {
            self.change(|pending| {
                for report in reports {
                    pending.gone.retain(|known| known.account != report.account);
                    pending.gone.push(report);
                }
            });
        }
    }

    /// Answers inquiries.
    pub fn replies(&self, replies: Vec<Reply>) {
        self.change(|pending| pending.replies.extend(replies));
    }

    /// Reports the result of a quarantine.
    pub fn quarantine(&self, report: QuarantineReport) {
        self.change(|pending| {
            pending.quarantines.retain(|known| known.id != report.id);
            pending.quarantines.push(report);
        });
    }

    /// Reports that an audit has ended.
    pub fn audited(&self, audit: u64) {
        self.change(|pending| pending.audited = Some(audit));
    }

    /// Notes that somebody wants an audit.
    pub fn want_audit(&self, audit: u64) {
        self.change(|pending| pending.audit_wanted = pending.audit_wanted.max(audit));
    }

    /// The newest request for an audit.
    pub fn audit_wanted(&self) -> u64 {
        self.pending().audit_wanted
    }

    /// Reports a run of a timer.
    pub fn timer_run(&self, key: RunKey, run: TimerRunReport) {
        self.change(|pending| drop(pending.runs.insert(key, run)));
    }

    /// Whether a run is still to be sent, or on its way.
    pub fn has_pending(&self, key: &RunKey) -> bool {
        let pending = self.pending();
        pending.runs.contains_key(key) || pending.runs_sent.contains(key)
    }

    /// Whether the server has a run.
    pub fn has_delivered(&self, key: &RunKey) -> bool {
        self.pending().runs_delivered.contains(key)
    }

    /// Forgets a run that nobody asks about any more.
    pub fn forget_delivered(&self, key: &RunKey) {
        self.pending().runs_delivered.remove(key);
    }

    /// Waits for something to report and takes it.
    pub async fn next(&self) -> Report {
        loop {
            if let Some(report) = self.take() {
                return report;
            }
            self.wake.notified().await;
        }
    }

    /// Takes what there is to report, if there is anything.
    pub fn take(&self) -> Option<Report> {
        self.pending().take()
    }

    /// Puts a report back that could not be sent; what has come meanwhile is newer.
    pub fn put_back(&self, report: Report) {
        self.change(|pending| {
            for account in report.accounts {
                pending.accounts.entry(account.account).or_insert(account);
            }
            pending.inventory = pending.inventory.take().or(report.inventory);
            pending.node_problems = pending.node_problems.take().or(report.node_problems);
            pending.audited = pending.audited.max(report.audited);
            pending.drift.splice(..0, report.drift);
            for gone in report.gone {
                if !pending.gone.iter().any(|known| known.account == gone.account) {
                    pending.gone.push(gone);
                }
            }
            for run in report.timer_runs {
                let key = run_key(&run);
                pending.runs_sent.remove(&key);
                pending.runs.insert(key, run);
            }
            // Replies are not kept: whoever asked has stopped waiting by the time that the server is back.
            for quarantine in report.quarantines {
                if !pending.quarantines.iter().any(|known| known.id == quarantine.id) {
                    pending.quarantines.push(quarantine);
                }
            }
        });
    }

    /// Stores that the server has a report.
    ///
    /// # Errors
    /// The ledger can't be written.
    pub fn confirmed(&self, ledger: &mut Ledger, report: Report) -> io::Result<()> {
        if let Some(audit) = report.audited {
            ledger.set_audit(audit.max(ledger.audit()))?;
        }
        ledger.forget_drift(&report.drift)?;
        {
            let mut pending = self.pending();
            for key in report.timer_runs.iter().map(run_key) {
                pending.runs_sent.remove(&key);
                pending.runs_delivered.insert(key);
            }
        }
        report.accounts.into_iter().try_for_each(|account| ledger.acknowledge(account))?;
        report.gone.iter().try_for_each(|gone| ledger.forget(gone.account, gone.generation))
    }
}

impl Pending {
    fn take(&mut self) -> Option<Report> {
        let mut accounts = Vec::new();
        while accounts.len() < ACCOUNTS_MAX
            && let Some((_, account)) = self.accounts.pop_first()
        {
            accounts.push(account);
        }
        let report = Report {
            // An audit has only ended for the server once it has all that the audit found.
            audited: if self.accounts.is_empty() { self.audited.take() } else { None },
            accounts,
            inventory: self.inventory.take(),
            quarantines: std::mem::take(&mut self.quarantines),
            node_problems: self.node_problems.take(),
            drift: std::mem::take(&mut self.drift),
            replies: std::mem::take(&mut self.replies),
            timer_runs: Vec::new(),
            gone: std::mem::take(&mut self.gone),
        };
        let report = Report {
            timer_runs: if report.accounts.is_empty() { self.take_runs() } else { Vec::new() },
            ..report
        };
        (report != Report::default()).then_some(report)
    }
}

impl Pending {
    /// Some runs, on their way from now on.
    fn take_runs(&mut self) -> Vec<TimerRunReport> {
        let (mut taken, mut size) = (Vec::new(), 0);
        while size < OUTPUT_MAX
            && let Some((key, run)) = self.runs.pop_first()
        {
            // Beside the output a run has some two hundred bytes.
            size += run.output.len() + 512;
            self.runs_sent.insert(key);
            taken.push(run);
        }
        taken
    }
}

fn run_key(run: &TimerRunReport) -> RunKey {
    (run.account, run.timer.clone(), run.started_at.timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(number: u128, generation: u64) -> AccountReport {
        let account = AccountId(uuid::Uuid::from_u128(number));
        AccountReport { account, generation, conditions: Vec::new() }
    }

    #[tokio::test]
    async fn what_could_not_be_sent_never_replaces_what_is_newer() {
        let outbox = Outbox::default();
        outbox.accounts(vec![report(1, 1), report(2, 1)]);
        outbox.audited(3);
        let taken = outbox.next().await;
        assert_eq!((taken.accounts.len(), taken.audited), (2, Some(3)));
        outbox.accounts(vec![report(1, 2)]);
        outbox.put_back(taken);
        let again = outbox.next().await;
        assert_eq!(again.accounts, [report(1, 2), report(2, 1)]);
        assert_eq!(again.audited, Some(3));
    }

    #[tokio::test]
    async fn the_same_inventory_and_problems_are_sent_once() {
        let outbox = Outbox::default();
        outbox.inventory(Inventory::default());
        outbox.node_problems(Vec::new());
        let first = outbox.next().await;
        assert!(first.inventory.is_some() && first.node_problems.is_some());
        outbox.inventory(Inventory::default());
        outbox.node_problems(Vec::new());
        assert!(outbox.pending().take().is_none());
    }

    #[tokio::test]
    async fn an_audit_ends_with_the_last_of_its_accounts() {
        let outbox = Outbox::default();
        outbox.accounts((0..501).map(|number| report(number, 1)).collect());
        outbox.audited(1);
        let first = outbox.next().await;
        assert_eq!((first.accounts.len(), first.audited), (500, None));
        assert_eq!(outbox.next().await.audited, Some(1));
    }
}
