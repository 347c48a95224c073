//! What was refused, for people: read when the kernel has counted something, shown with some patience.

use std::collections::BTreeMap;

use berth_core::egress::{Blocked, Protocol};
use chrono::{DateTime, TimeDelta, Utc};

use crate::resource::{Context, Failure};

/// Destinations that are shown of an account.
const SHOWN: usize = 10;

/// The counters are read no more often than this, except at the end of an audit.
const READ_AGAIN: TimeDelta = TimeDelta::seconds(20);

/// Destinations are forgotten a day after they were first refused, without any packet that would show it.
const READ_ANYWAY: TimeDelta = TimeDelta::hours(1);

/// An account whose processes go on trying does not have a new report written every minute: what is shown is
/// renewed when it is this old, or when the count has doubled.
const SHOWN_AGAIN: TimeDelta = TimeDelta::minutes(10);

/// What was refused.
#[derive(Default)]
pub(super) struct Tally {
    /// The counter of all refused packets when the others were read.
    refused: u64,
    read_at: Option<DateTime<Utc>>,
    found: BTreeMap<u32, Picture>,
    shown: BTreeMap<u32, (DateTime<Utc>, Picture)>,
}

/// What was refused to one account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Picture {
    /// All packets since the table was loaded.
    pub(super) refused: u64,
    /// The destinations of the last day that were tried most.
    pub(super) blocked: Vec<Blocked>,
}

impl Tally {
    /// Reads the kernel's counters if they may have changed.
    pub(super) fn read(
        &mut self,
        context: &Context<'_>,
        refused: Option<u64>,
        audit: bool,
    ) -> Result<(), Failure> {
        let age = self.read_at.map(|read| context.now - read);
        let moved =
            refused.unwrap_or_default() != self.refused && (audit || age.is_none_or(|age| age >= READ_AGAIN));
        let aged = !self.found.is_empty() && age.is_none_or(|age| age >= READ_ANYWAY);
        if !moved && !aged {
            return Ok(());
        }
        let refusals = context.host.firewall().refusals()?;
        let mut found: BTreeMap<u32, Picture> = BTreeMap::new();
        for (uid, packets) in refusals.totals {
            found.entry(uid).or_default().refused = packets;
        }
        for refusal in refusals.destinations {
            let protocol =
                Protocol::ALL.iter().copied().find(|protocol| protocol.number() == refusal.protocol);
            let Some(protocol) = protocol.filter(|_| refusal.packets > 0) else { continue };
            let Some(picture) = found.get_mut(&refusal.uid) else { continue };
            let blocked = Blocked { to: refusal.to, port: refusal.port, protocol, times: refusal.packets };
            picture.blocked.push(blocked);
        }
        for picture in found.values_mut() {
            picture
                .blocked
                .sort_by(|a, b| b.times.cmp(&a.times).then_with(|| (a.to, a.port).cmp(&(b.to, b.port))));
            picture.blocked.truncate(SHOWN);
            picture.blocked.shrink_to_fit();
        }
        self.found = found;
        self.refused = refused.unwrap_or_default();
        self.read_at = Some(context.now);
        Ok(())
    }

    /// What is shown of an account now.
    pub(super) fn shown(&mut self, uid: u32, now: DateTime<Utc>) -> Picture {
        let found = self.found.get(&uid);
        let stands = self.shown.get(&uid).filter(|(at, shown)| {
            let doubled = found.is_some_and(|found| found.refused >= shown.refused.saturating_mul(2));
            now - *at < SHOWN_AGAIN && !doubled
        });
        if let Some((_, shown)) = stands {
            return shown.clone();
        }
        let Some(found) = found else {
            self.shown.remove(&uid);
            return Picture::default();
        };
        self.shown.insert(uid, (now, found.clone()));
        found.clone()
    }
}
