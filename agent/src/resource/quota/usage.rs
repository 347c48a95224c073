//! What is shown of an account's usage.
//!
//! A report goes to the server whenever a condition differs from the last one, and usage differs all the time:
//! with thousands of accounts every audit would send a report for most of them. So usage is shown in steps of
//! one hundredth of the limit, changes only when it has clearly left the step that is shown, and otherwise once
//! an hour at most. An account that fills up costs about a hundred reports, whatever it writes.

use chrono::{DateTime, TimeDelta, Utc};

use super::MIB;
use crate::host::quota::Quota;

/// A value within the neighbourhood of what is shown is shown itself after this time.
const AGE: TimeDelta = TimeDelta::hours(1);

/// The least step of bytes, and the one where there is no limit.
const BYTES: (u64, u64) = (MIB, 64 * MIB);
/// The same of files and directories.
const INODES: (u64, u64) = (100, 1_000);

/// What is shown, and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gauge {
    bytes: u64,
    inodes: Option<u64>,
    since: DateTime<Utc>,
}

impl Gauge {
    /// What to show of a quota now.
    pub(super) fn follow(former: Option<&Self>, quota: &Quota, now: DateTime<Utc>) -> Self {
        let limits = quota.limits.unwrap_or_default();
        let aged = former.is_none_or(|former| now.signed_duration_since(former.since) >= AGE);
        let shown = |former: Option<u64>, used: u64, limit: Option<u64>, (least, without): (u64, u64)| {
            let step = limit.map_or(without, |limit| (limit / 100 / least * least).max(least));
            let exact = used / step * step;
            former.filter(|former| !aged && near(*former, used, step)).unwrap_or(exact)
        };
        let bytes = shown(former.map(|former| former.bytes), quota.used_bytes, limits.bytes, BYTES);
        let inodes = quota
            .used_inodes
            .map(|used| shown(former.and_then(|former| former.inodes), used, limits.inodes, INODES));
        match former {
            Some(former) if former.bytes == bytes && former.inodes == inodes && !aged => former.clone(),
            _ => Self { bytes, inodes, since: now },
        }
    }

    /// Bytes in use, rounded down.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Files and directories in use, rounded down.
    pub(super) const fn inodes(&self) -> Option<u64> {
        self.inodes
    }
}

/// Whether a value is still well described by the lower end of a step: half a step more to either side, so that
/// a value that goes to and fro over an edge does not change what is shown.
const fn near(shown: u64, used: u64, step: u64) -> bool {
    used >= shown.saturating_sub(step / 2) && used < shown.saturating_add(step + step / 2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::host::quota::{Mechanism, QuotaLimits};

    const LIMIT: u64 = 1000 * MIB;
    const STEP: u64 = 10 * MIB;

    fn quota(used_bytes: u64) -> Quota {
        let limits = Some(QuotaLimits { bytes: Some(LIMIT), inodes: None });
        Quota { mechanism: Mechanism::SimpleQuota, limits, used_bytes, used_inodes: None }
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn small_changes_are_shown_late_and_large_ones_at_once() {
        let first = Gauge::follow(None, &quota(25 * MIB), at(0));
        assert_eq!(first.bytes(), 20 * MIB);
        let more = Gauge::follow(Some(&first), &quota(31 * MIB), at(60));
        assert_eq!(more, first);
        let aged = Gauge::follow(Some(&more), &quota(31 * MIB), at(3600));
        assert_eq!(aged.bytes(), 30 * MIB);
        let much = Gauge::follow(Some(&aged), &quota(70 * MIB), at(3660));
        assert_eq!(much.bytes(), 70 * MIB);
        let nothing = Gauge::follow(Some(&much), &quota(0), at(3720));
        assert_eq!(nothing.bytes(), 0);
    }

    proptest! {
        #[test]
        fn what_is_shown_is_never_far_from_what_is(usage in prop::collection::vec(0..2 * LIMIT, 1..50)) {
            let mut gauge = None;
            for (minute, used) in (0..).zip(usage) {
                let shown = Gauge::follow(gauge.as_ref(), &quota(used), at(minute * 60));
                prop_assert!(shown.bytes().abs_diff(used) <= STEP + STEP / 2);
                prop_assert_eq!(shown.bytes() % STEP, 0);
                gauge = Some(shown);
            }
        }

        #[test]
        fn a_full_account_has_cost_few_reports(writes in prop::collection::vec(1..MIB, 2000)) {
            let (mut used, mut reports) = (0, 0);
            let mut gauge = Gauge::follow(None, &quota(0), at(0));
            for write in writes {
                used = (used + write).min(LIMIT);
                let shown = Gauge::follow(Some(&gauge), &quota(used), at(1));
                reports += usize::from(shown.bytes() != gauge.bytes());
                gauge = shown;
            }
            prop_assert!(reports <= 101, "{} reports", reports);
        }
    }
}
