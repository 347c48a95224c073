//! How many requests one address or one key may make.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use berth_core::id::ApiKeyId;
use berth_core::{Code, Problem};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::problem::Refusal;
use crate::config::Rate;
use crate::listen::Peer;

/// Who a request is counted for. All of a customer's IPv6 addresses are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Origin {
    /// An address, or the network that a single customer gets.
    Network(IpAddr),
    /// A Unix user of this host.
    Local(u32),
}

impl Origin {
    /// Whom a connection's requests are counted for.
    pub(crate) fn of(peer: Peer) -> Self {
        match peer {
            Peer::Network(address) => address.ip().into(),
            Peer::Local { uid } => Self::Local(uid),
        }
    }
}

impl From<IpAddr> for Origin {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(v6) => Self::Network(IpAddr::V6((u128::from(v6) & !u128::from(u64::MAX)).into())),
            v4 @ IpAddr::V4(_) => Self::Network(v4),
        }
    }
}

/// The counters of one server process.
pub(crate) struct Limits {
    clock: DefaultClock,
    origins: DefaultKeyedRateLimiter<Origin>,
    keys: DefaultKeyedRateLimiter<ApiKeyId>,
    failures: DefaultKeyedRateLimiter<Origin>,
    locked: Mutex<HashMap<Origin, Instant>>,
}

impl Limits {
    pub(crate) fn new(rate: &Rate) -> Self {
        let per_minute = |count: u32| {
            RateLimiter::keyed(Quota::per_minute(NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN)))
        };
        Self {
            clock: DefaultClock::default(),
            origins: per_minute(rate.per_address),
            keys: RateLimiter::keyed(Quota::per_minute(
                NonZeroU32::new(rate.per_key).unwrap_or(NonZeroU32::MIN),
            )),
            failures: per_minute(rate.failures),
            locked: Mutex::new(HashMap::new()),
        }
    }

    /// Counts a request, whoever makes it.
    pub(crate) fn admit(&self, origin: Origin) -> Result<(), Refusal> {
        self.count(&self.origins, &origin).map_err(|wait| refusal("from this address", wait))
    }

    /// Counts a request that an API key makes.
    pub(crate) fn admit_key(&self, key: ApiKeyId) -> Result<(), Refusal> {
        self.count(&self.keys, &key).map_err(|wait| refusal("with this key", wait))
    }

    /// Refuses to look at credentials from where too many wrong ones came.
    pub(crate) fn may_try(&self, origin: Origin) -> Result<(), Refusal> {
        let locked = self.locked.lock().unwrap_or_else(PoisonError::into_inner);
        match locked.get(&origin).and_then(|until| until.checked_duration_since(Instant::now())) {
            Some(wait) => Err(refusal("with wrong credentials from this address", wait)),
            None => Ok(()),
        }
    }

    /// Counts wrong credentials.
    pub(crate) fn failed(&self, origin: Origin) {
        if let Err(wait) = self.count(&self.failures, &origin) {
            let mut locked = self.locked.lock().unwrap_or_else(PoisonError::into_inner);
            locked.insert(origin, Instant::now() + wait);
        }
    }

    /// Forgets whoever has been quiet, so that the counters don't grow with the number of visitors.
    pub(crate) fn forget_idle(&self) {
        self.origins.retain_recent();
        self.keys.retain_recent();
        self.failures.retain_recent();
        let now = Instant::now();
        self.locked.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, until| *until > now);
    }

    fn count<K: Hash + Eq + Clone>(
        &self,
        limiter: &DefaultKeyedRateLimiter<K>,
        key: &K,
    ) -> Result<(), Duration> {
        limiter.check_key(key).map_err(|not_until| not_until.wait_time_from(self.clock.now()))
    }
}

fn refusal(what: &str, wait: Duration) -> Refusal {
    Refusal::from(
        Problem::new(Code::RateLimited, format!("too many requests {what} in a short time"))
            .hint("wait as long as the header Retry-After says"),
    )
    .retry_after(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(per_address: u32, failures: u32) -> Limits {
        Limits::new(&Rate { per_address, per_key: 2, failures })
    }

    fn origin(text: &str) -> Origin {
        text.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn each_address_and_each_key_has_a_count_of_its_own() {
        let limits = limits(2, 9);
        let (a, b) = (origin("192.0.2.1"), origin("192.0.2.2"));
        assert!(limits.admit(a).is_ok() && limits.admit(a).is_ok());
        let refused = limits.admit(a).unwrap_err();
        assert_eq!(refused.problems().leading().unwrap().code, Code::RateLimited);
        assert!(limits.admit(b).is_ok());
        let key = ApiKeyId(uuid::Uuid::nil());
        assert!(limits.admit_key(key).is_ok() && limits.admit_key(key).is_ok());
        assert!(limits.admit_key(key).is_err());
    }

    #[test]
    fn the_addresses_of_one_network_count_as_one() {
        assert_eq!(origin("2001:db8::1"), origin("2001:db8::ffff:1"));
        assert_ne!(origin("2001:db8::1"), origin("2001:db8:0:1::1"));
        assert_eq!(origin("::ffff:192.0.2.1"), origin("192.0.2.1"));
    }

    #[test]
    fn wrong_credentials_close_the_door_for_a_while() {
        let limits = limits(9, 2);
        let a = origin("192.0.2.1");
        for _ in 0..2 {
            limits.failed(a);
            assert!(limits.may_try(a).is_ok());
        }
        limits.failed(a);
        assert!(limits.may_try(a).is_err());
        assert!(limits.may_try(origin("192.0.2.2")).is_ok());
        limits.forget_idle();
        assert!(limits.may_try(a).is_err(), "what still holds is not forgotten");
    }
}
