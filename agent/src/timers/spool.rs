//! Taking in what runs have left. The directory is the tenant's: whatever is in it is only ever read as a
//! record of theirs or removed, by descriptor, and never followed.

use berth_core::layout;
use berth_core::link::TimerRunReport;
use berth_core::timer::{RECORD_MAX, RunRecord, TimerName, timer_of_run_file};

use super::Tenant;
use crate::host::Host;
use crate::link::Outbox;

/// Names that are looked at; the timers of an account leave fewer.
const NAMES_MAX: usize = 1_000;

/// Records that one look takes in; the next one takes the others.
const RECORDS_MAX: usize = 20;

/// Gives new records to the server and removes those that it has.
pub(super) fn collect(host: &dyn Host, outbox: &Outbox, tenant: &Tenant) {
    let dir = layout::timer_spool(&tenant.user);
    let names = match host.list_at_most(&dir, NAMES_MAX) {
        Ok(names) => names,
        Err(error) => {
            tracing::debug!(uid = %tenant.uid, %error, "records of runs can't be looked at");
            return;
        }
    };
    let mut taken = 0;
    for name in names {
        let Some((timer, micros)) = timer_of_run_file(&name) else { continue };
        let path = format!("{dir}/{name}");
        let key = (tenant.account, timer.clone(), micros);
        if outbox.has_delivered(&key) {
            remove(host, &path);
            outbox.forget_delivered(&key);
            continue;
        }
        if taken >= RECORDS_MAX || outbox.has_pending(&key) {
            continue;
        }
        taken += 1;
        match read(host, &path, tenant, timer, micros) {
            Some(report) => outbox.timer_run(key, report),
            // The tenant put it there, and has no use for it.
            None => remove(host, &path),
        }
    }
}

fn read(
    host: &dyn Host,
    path: &str,
    tenant: &Tenant,
    timer: TimerName,
    micros: i64,
) -> Option<TimerRunReport> {
    let bytes = match host.read_at_most(path, RECORD_MAX) {
        Ok(bytes) => bytes?,
        Err(error) => {
            tracing::debug!(uid = %tenant.uid, %error, "this is no record of a run");
            return None;
        }
    };
    let record = RunRecord::read(&bytes).ok()?;
    (record.started_at.timestamp_micros() == micros).then_some(TimerRunReport {
        account: tenant.account,
        timer,
        started_at: record.started_at,
        ended_at: record.ended_at,
        outcome: record.outcome,
        truncated: record.truncated,
        output: record.output,
    })
}

fn remove(host: &dyn Host, path: &str) {
    if let Err(error) = host.remove_file(path) {
        tracing::debug!(%error, "a record of a run stays");
    }
}
