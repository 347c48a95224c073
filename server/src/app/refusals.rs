use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};

/// How many refusals of strangers may be waiting to be spent at once.
const BURST: f64 = 60.0;
/// How many come back per second.
const PER_SECOND: f64 = 1.0;

/// How many refusals of people whom Berth doesn't know are still written to the audit log, so that nobody can
/// fill the disk by asking. Refusals of known users are always written.
#[derive(Debug, Default)]
pub(super) struct RefusalBudget(Mutex<Option<Bucket>>);

#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    at: DateTime<Utc>,
}

impl RefusalBudget {
    /// Takes one from the budget; false if there is none left.
    pub(super) fn spend(&self, now: DateTime<Utc>) -> bool {
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = guard.unwrap_or(Bucket { left: BURST, at: now });
        // A clock that was set back gives nothing, instead of taking.
        let gained = (now - bucket.at).as_seconds_f64().max(0.0) * PER_SECOND;
        let left = (bucket.left + gained).min(BURST);
        let allowed = left >= 1.0;
        *guard = Some(Bucket { left: if allowed { left - 1.0 } else { left }, at: now });
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_one_a_second() {
        let budget = RefusalBudget::default();
        let at = |seconds: i64| DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap();
        assert_eq!((0..1000).filter(|_| budget.spend(at(0))).count(), 60);
        assert_eq!((0..1000).filter(|_| budget.spend(at(5))).count(), 5);
        assert!(!budget.spend(at(-3600)), "setting the clock back refills nothing");
        assert_eq!((0..1000).filter(|_| budget.spend(at(7200))).count(), 60);
    }
}
