//! When something that failed may be tried again: after 1, 2, 4 … 60 seconds, spread by up to a fifth.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use berth_core::condition::Resource;
use berth_core::id::AccountId;

use super::Jitter;

/// Failures by account and resource.
pub(super) struct Backoff {
    failures: HashMap<(AccountId, Resource), Failing>,
    jitter: Jitter,
}

struct Failing {
    generation: u64,
    attempts: u32,
    not_before: Instant,
}

/// The first pause after a failure.
pub(super) const FAILED: Duration = Duration::from_secs(1);

/// The first pause for something that only takes its time.
pub(super) const PENDING: Duration = Duration::from_millis(50);

const LONGEST: Duration = Duration::from_mins(1);

impl Backoff {
    pub(super) fn new(jitter: Jitter) -> Self {
        Self { failures: HashMap::new(), jitter }
    }

    /// Whether a resource may be tried. A new generation may always.
    pub(super) fn allows(
        &self,
        account: AccountId,
        resource: Resource,
        generation: u64,
        now: Instant,
    ) -> bool {
        self.failures
            .get(&(account, resource))
            .is_none_or(|failing| failing.generation != generation || failing.not_before <= now)
    }

    /// Has a resource tried again after a pause that doubles with each time.
    pub(super) fn failed(
        &mut self,
        account: AccountId,
        resource: Resource,
        generation: u64,
        first: Duration,
        now: Instant,
    ) {
        let spread = (self.jitter)().clamp(0.0, 1.0);
        let failing = self.failures.entry((account, resource)).or_insert(Failing {
            generation,
            attempts: 0,
            not_before: now,
        });
        if failing.generation != generation {
            (failing.generation, failing.attempts) = (generation, 0);
        }
        let pause = first.saturating_mul(1 << failing.attempts.min(16)).min(LONGEST);
        failing.attempts = failing.attempts.saturating_add(1);
        failing.not_before = now + pause.mul_f64(1.0 + spread / 5.0);
    }

    pub(super) fn succeeded(&mut self, account: AccountId, resource: Resource) {
        self.failures.remove(&(account, resource));
    }

    /// Forgets failures that could have been tried again and were not, because the resource waits for another
    /// one by now.
    pub(super) fn drop_untried(&mut self, account: AccountId, tried: &BTreeSet<Resource>, now: Instant) {
        for resource in Resource::ALL.iter().filter(|resource| !tried.contains(resource)) {
            let key = (account, *resource);
            if self.failures.get(&key).is_some_and(|failing| failing.not_before <= now) {
                self.failures.remove(&key);
            }
        }
    }

    pub(super) fn due(&self, now: Instant) -> BTreeSet<AccountId> {
        let due = self.failures.iter().filter(|(_, failing)| failing.not_before <= now);
        due.map(|((account, _), _)| *account).collect()
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.failures.values().map(|failing| failing.not_before).min()
    }

    pub(super) fn clear(&mut self) {
        self.failures.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn what_waits_for_something_else_is_not_due_for_ever() {
        let account = AccountId(uuid::Uuid::nil());
        let mut backoff = Backoff::new(Arc::new(|| 0.0));
        let start = Instant::now();
        backoff.failed(account, Resource::Php, 1, FAILED, start);
        backoff.failed(account, Resource::Home, 1, FAILED, start);
        backoff.drop_untried(account, &[Resource::Home].into(), start + FAILED);
        assert!(backoff.allows(account, Resource::Php, 1, start));
        assert!(!backoff.allows(account, Resource::Home, 1, start));
    }

    #[test]
    fn pauses_double_up_to_a_minute_and_a_new_generation_is_tried_at_once() {
        let account = AccountId(uuid::Uuid::nil());
        let mut backoff = Backoff::new(Arc::new(|| 0.0));
        let start = Instant::now();
        let mut pauses = Vec::new();
        for _ in 0..8 {
            backoff.failed(account, Resource::Php, 1, FAILED, start);
            pauses.push((backoff.next().unwrap() - start).as_secs());
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert!(!backoff.allows(account, Resource::Php, 1, start));
        assert!(backoff.allows(account, Resource::Php, 2, start));
        assert!(backoff.allows(account, Resource::Home, 1, start));
        assert!(backoff.allows(account, Resource::Php, 1, start + LONGEST));
        backoff.failed(account, Resource::Php, 2, FAILED, start);
        assert_eq!((backoff.next().unwrap() - start).as_secs(), 1);
        backoff.succeeded(account, Resource::Php);
        assert_eq!(backoff.next(), None);
    }
}
