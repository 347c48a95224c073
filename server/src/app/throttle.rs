//! How often something may be tried: a few times at once, then with delays that grow.

use berth_core::{Code, Problem};
use berth_store::Tx;
use berth_store::throttles::{self, ThrottleRecord};
use chrono::{DateTime, TimeDelta};

use super::context::App;
use super::problem::Failure;

/// After so long without an attempt, everything is forgotten.
pub(super) const MEMORY: TimeDelta = TimeDelta::hours(1);

/// The first delay; each one after it is twice as long.
const FIRST_DELAY: i64 = 5;

/// The longest delay, in seconds.
const LONGEST_DELAY: i64 = 15 * 60;

/// Something that attempts are counted for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Throttle {
    /// What is counted for, such as `address:192.0.2.1`.
    pub(super) subject: String,
    /// How many attempts are free.
    pub(super) free: u64,
}

impl Throttle {
    pub(super) fn new(kind: &str, what: &str, free: u64) -> Self {
        Self { subject: format!("{kind}:{what}"), free }
    }
}

/// Counts an attempt before it is made, so that many at the same time are counted too.
///
/// # Errors
/// `too_many_attempts` with the time to wait. An attempt that is refused is not counted, or nobody could ever
/// wait long enough.
pub(super) async fn charge(app: &App, all: &[Throttle]) -> Result<(), Failure> {
    let now = app.clock.now();
    let mut tx = app.store.begin().await?;
    let mut known = Vec::with_capacity(all.len());
    for throttle in all {
        let found = throttles::get(&mut tx, &throttle.subject).await?;
        if let Some(found) = found.filter(|found| found.blocked_until > now) {
            return Err(too_many(found.blocked_until - now).into());
        }
        known.push(found.filter(|found| now - found.last_at < MEMORY));
    }
    for (throttle, found) in all.iter().zip(known) {
        let attempts = found.map_or(0, |found| found.attempts) + 1;
        let blocked_until = delay(attempts, throttle.free).map_or(DateTime::UNIX_EPOCH, |delay| now + delay);
        let next = ThrottleRecord { attempts, last_at: now, blocked_until };
        throttles::put(&mut tx, &throttle.subject, &next).await?;
    }
    Ok(tx.commit().await?)
}

/// Takes an attempt back that turned out good.
pub(super) async fn forgive(tx: &mut Tx, throttle: &Throttle) -> Result<(), Failure> {
    Ok(throttles::forgive(tx, &throttle.subject).await?)
}

/// Forgets every attempt.
pub(super) async fn forget(tx: &mut Tx, throttle: &Throttle) -> Result<(), Failure> {
    Ok(throttles::forget(tx, &throttle.subject).await?)
}

/// How long to wait after so many attempts.
fn delay(attempts: u64, free: u64) -> Option<TimeDelta> {
    let beyond = attempts.checked_sub(free)?;
    let doubled = 1_i64.checked_shl(u32::try_from(beyond.min(16)).unwrap_or(16)).unwrap_or(i64::MAX);
    Some(TimeDelta::seconds(FIRST_DELAY.saturating_mul(doubled).min(LONGEST_DELAY)))
}

fn too_many(wait: TimeDelta) -> Problem {
    let seconds = u32::try_from(wait.num_seconds().max(0)).unwrap_or(u32::MAX).saturating_add(1);
    Problem::new(Code::TooManyAttempts, format!("too many attempts; try again in {seconds} seconds"))
        .hint("wait that long; a forgotten password can be replaced by mail")
        .after(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_begin_late_and_grow_to_a_bound() {
        let seconds = |attempts| delay(attempts, 5).map(|delay| delay.num_seconds());
        assert_eq!([1, 4, 5, 6, 7].map(seconds), [None, None, Some(5), Some(10), Some(20)]);
        assert_eq!(seconds(100), Some(900));
        assert_eq!(seconds(u64::MAX), Some(900));
    }
}
