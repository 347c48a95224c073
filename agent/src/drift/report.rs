//! From what resources have changed to what is reported.

use std::collections::BTreeMap;
use std::sync::Arc;

use berth_core::condition::Resource;
use berth_core::drift::{DriftReport, SHOWN_MAX};
use berth_core::id::{AccountId, DriftId};
use berth_core::spec::AccountSpec;
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::Change;
use super::cause::guess;
use super::owner::Names;
use crate::host::Host;
use crate::nginx::CANDIDATE_DIR;

/// What one resource has changed in a pass.
#[derive(Debug)]
pub(crate) struct Finding {
    /// The part of accounts that it answers for, if it does.
    pub(crate) resource: Option<Resource>,
    /// The account, for a resource that works on one at a time.
    pub(crate) account: Option<AccountId>,
    /// What it has changed.
    pub(crate) changes: Vec<Change>,
}

/// Most things that one pass reports. A host on which more is wrong at once has another problem, and its
/// operator learns as much from these.
const REPORTS_MAX: usize = 500;

/// The drift in what a pass has changed.
///
/// `settled` says, for an account (or for what all share) and a part, since when it is known to be right: only
/// then a change can't have been asked for.
pub(crate) fn reports(
    host: &dyn Host,
    specs: &BTreeMap<AccountId, Arc<AccountSpec>>,
    findings: Vec<Finding>,
    settled: &dyn Fn(Option<AccountId>, Option<Resource>) -> Option<Option<DateTime<Utc>>>,
    now: DateTime<Utc>,
) -> Vec<DriftReport> {
    if findings.iter().all(|finding| finding.changes.is_empty()) {
        return Vec::new();
    }
    let names = Names::of(specs);
    let mut reports = Vec::new();
    for Finding { resource, account, changes } in findings {
        for mut change in changes {
            change.account = change.account.or(account);
            let owner = names.owner(&change);
            // What nginx is asked about is nobody's configuration yet.
            if change.object.starts_with(CANDIDATE_DIR) || change.found == change.made {
                continue;
            }
            let Some(right_at) = settled(owner, resource) else { continue };
            // Nothing of what lives in memory survives a restart of the machine.
            if right_at.is_none() && is_volatile(&change.object) {
                continue;
            }
            let (cause, evidence) = guess(host, right_at, now);
            let (found, made) = (change.found.as_deref().map(shown), change.made.as_deref().map(shown));
            let object = change.object;
            let id = identity(owner, &object, found.as_deref(), now);
            tracing::warn!(
                object,
                cause = cause.as_str(),
                evidence,
                "somebody else had changed this; it is put right"
            );
            reports.push(DriftReport {
                id,
                account: owner,
                resource,
                object,
                found,
                made,
                seen_at: now,
                right_at,
                cause,
                evidence,
            });
        }
    }
    if reports.len() > REPORTS_MAX {
        tracing::warn!(
            count = reports.len(),
            kept = REPORTS_MAX,
            "too much has changed at once to report all of it"
        );
        reports.truncate(REPORTS_MAX);
    }
    reports
}

fn is_volatile(object: &str) -> bool {
    object.starts_with("/run/") || object.ends_with(".service")
}

/// The same drift has the same id, however often it is sent.
fn identity(account: Option<AccountId>, object: &str, found: Option<&str>, now: DateTime<Utc>) -> DriftId {
    let mut digest = Sha256::new();
    digest.update(account.map_or([0; 16], |account| *account.0.as_bytes()));
    digest.update(object.as_bytes());
    digest.update([0]);
    digest.update(found.unwrap_or("\0").as_bytes());
    digest.update(now.timestamp_micros().to_le_bytes());
    let mut random = [0; 10];
    for (to, from) in random.iter_mut().zip(digest.finalize()) {
        *to = from;
    }
    DriftId::new(now, random)
}

/// A text as it is sent: bounded, and without what a terminal would act upon.
fn shown(text: &str) -> String {
    let clean = |c: char| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c };
    let mut out = String::new();
    for c in text.chars().map(clean) {
        if out.len() + c.len_utf8() > SHOWN_MAX {
            out.push('…');
            break;
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_short_and_harmless() {
        assert_eq!(shown("a\u{1b}[2Jb\nc"), "a\u{fffd}[2Jb\nc");
        let long = shown(&"ä".repeat(SHOWN_MAX));
        assert!(long.len() <= SHOWN_MAX + '…'.len_utf8() && long.ends_with('…'));
    }
}
