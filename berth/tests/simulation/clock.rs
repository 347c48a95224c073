//! The time of day as the simulation wants it. It jumps, both ways.

use std::sync::Mutex;

use chrono::{DateTime, TimeDelta, Utc};

/// One clock for server and agent.
pub(crate) struct SimClock(Mutex<DateTime<Utc>>);

impl SimClock {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(DateTime::from_timestamp(1_800_000_000, 0).unwrap()))
    }

    pub(crate) fn jump(&self, by: TimeDelta) {
        let mut now = self.0.lock().unwrap();
        *now += by;
    }

    pub(crate) fn peek(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }

    pub(crate) fn set(&self, to: DateTime<Utc>) {
        *self.0.lock().unwrap() = to;
    }

    fn tick(&self) -> DateTime<Utc> {
        let mut now = self.0.lock().unwrap();
        *now += TimeDelta::milliseconds(1);
        *now
    }
}

impl berth_server::clock::Clock for SimClock {
    fn now(&self) -> DateTime<Utc> {
        self.tick()
    }
}

impl berth_agent::reconcile::Clock for SimClock {
    fn now(&self) -> DateTime<Utc> {
        self.tick()
    }
}
