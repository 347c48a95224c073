//! When something is to be done about a certificate, and what. Pure, so that each case is a line of a table.

use berth_core::name::Fqdn;
use chrono::{DateTime, TimeDelta, Utc};

use crate::acme::renew_at;

/// How often a name that is not in the certificate is looked for again, as long as the others are served.
const LOOK_FOR_MISSING: TimeDelta = TimeDelta::hours(6);

/// The certificate that is there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Present<'a> {
    pub(super) names: &'a [Fqdn],
    pub(super) not_before: DateTime<Utc>,
    pub(super) not_after: DateTime<Utc>,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// Order one for these names.
    Order(Vec<Fqdn>),
    /// Nothing until then; it is as it shall be, or as good as it can be.
    Rest(DateTime<Utc>),
    /// Nothing can be ordered, and something should be.
    Stuck,
}

/// Decides, given which of the wanted names lead here.
///
/// A certificate that nears its end is not replaced by one for fewer names as long as there is time to wait for
/// those that are missing: what leads elsewhere for an hour shall not lose its certificate.
pub(super) fn next(
    present: Option<Present<'_>>,
    forced: bool,
    wanted: &[Fqdn],
    reachable: &[Fqdn],
    now: DateTime<Utc>,
) -> Next {
    let order = |names: &[Fqdn]| if names.is_empty() { Next::Stuck } else { Next::Order(names.to_vec()) };
    let Some(present) = present else { return order(reachable) };
    let renewal = renew_at(present.not_before, present.not_after);
    let covered = |name: &Fqdn| present.names.contains(name);
    if forced || reachable.iter().any(|name| !covered(name)) {
        return order(reachable);
    }
    if now < renewal {
        let missing = wanted.iter().any(|name| !covered(name));
        return Next::Rest(if missing { renewal.min(now + LOOK_FOR_MISSING) } else { renewal });
    }
    let lost = wanted.iter().any(|name| covered(name) && !reachable.contains(name));
    let last_sixth = present.not_after - (present.not_after - present.not_before) / 6;
    if lost && now < last_sixth { Next::Stuck } else { order(reachable) }
}

/// What stood in the way of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// No order was made: names don't lead here, or the authority can't be reached.
    BeforeOrder,
    /// The authority has refused, and counts how often.
    Refused,
    /// A limit, ours or the authority's.
    Limited,
}

/// How long to wait after so many attempts in a row that failed.
pub(super) fn pause(obstacle: Obstacle, attempts: u64) -> TimeDelta {
    let minutes: &[i64] = match obstacle {
        // Cheap to try, and whoever has just changed a record waits for it.
        Obstacle::BeforeOrder => &[1, 1, 2, 3, 5, 10, 20, 30, 60, 120, 240, 360],
        // Authorities stop listening after five refusals of a name in an hour.
        Obstacle::Refused => &[15, 30, 60, 180, 360, 720, 1440],
        Obstacle::Limited => &[60, 180, 360, 720],
    };
    let index = usize::try_from(attempts).unwrap_or(usize::MAX).min(minutes.len() - 1);
    TimeDelta::minutes(minutes.get(index).copied().unwrap_or(1440))
}

#[cfg(test)]
mod tests {
    use berth_core::Parse;

    use super::*;

    fn names(texts: &[&str]) -> Vec<Fqdn> {
        texts.iter().map(|text| Fqdn::parse(text).unwrap()).collect()
    }

    fn day(number: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap() + TimeDelta::days(number)
    }

    const BOTH: &[&str] = &["a.example", "www.a.example"];
    const ONE: &[&str] = &["a.example"];

    #[track_caller]
    fn check(present: Option<&[&str]>, forced: bool, reachable: &[&str], at: DateTime<Utc>, expected: &Next) {
        let held = present.map(names);
        let present = held.as_ref().map(|names| Present { names, not_before: day(0), not_after: day(90) });
        assert_eq!(&next(present, forced, &names(BOTH), &names(reachable), at), expected);
    }

    #[test]
    fn what_is_done_when() {
        let order = |texts: &[&str]| Next::Order(names(texts));
        check(None, false, BOTH, day(0), &order(BOTH));
        check(None, false, ONE, day(0), &order(ONE));
        check(None, false, &[], day(0), &Next::Stuck);
        check(Some(BOTH), false, BOTH, day(1), &Next::Rest(day(60)));
        check(Some(BOTH), false, &[], day(1), &Next::Rest(day(60)));
        check(Some(ONE), false, ONE, day(1), &Next::Rest(day(1) + LOOK_FOR_MISSING));
        check(Some(ONE), false, BOTH, day(1), &order(BOTH));
        check(Some(BOTH), true, BOTH, day(1), &order(BOTH));
        check(Some(BOTH), true, &[], day(1), &Next::Stuck);
        check(Some(BOTH), false, BOTH, day(60), &order(BOTH));
        check(Some(BOTH), false, ONE, day(60), &Next::Stuck);
        check(Some(BOTH), false, ONE, day(75), &order(ONE));
        check(Some(ONE), false, ONE, day(60), &order(ONE));
        check(Some(BOTH), false, &[], day(100), &Next::Stuck);
    }

    #[test]
    fn five_refusals_take_more_than_an_hour() {
        let waits: TimeDelta = (0..4).map(|attempt| pause(Obstacle::Refused, attempt)).sum();
        assert!(waits > TimeDelta::hours(1));
        for obstacle in [Obstacle::BeforeOrder, Obstacle::Refused, Obstacle::Limited] {
            for attempt in 0..40 {
                assert!(pause(obstacle, attempt) <= pause(obstacle, attempt + 1));
            }
            assert!(pause(obstacle, u64::MAX) <= TimeDelta::days(1));
        }
    }
}
