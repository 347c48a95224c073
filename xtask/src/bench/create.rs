//! From the create to its answer `201`, over TLS from outside, one connection each.

use anyhow::Result;

use super::accounts::Accounts;
use super::sample::Summary;

/// Enough for a 99th percentile that is not simply the slowest of all.
const SAMPLES: usize = 200;

/// Measures one create after the other.
pub(super) fn measure(accounts: &Accounts<'_>) -> Result<Summary> {
    let mut times = Vec::new();
    for _ in 0..SAMPLES {
        times.push(accounts.create(&accounts.another())?.took);
    }
    accounts.settle()?;
    Summary::of(times)
}
