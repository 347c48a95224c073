//! Summing up measured times.

use std::time::Duration;

use anyhow::{Result, bail};
use serde::Serialize;

/// Times in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Summary {
    /// How many were measured.
    pub(super) samples: usize,
    /// Half of them took no longer.
    pub(super) p50_ms: f64,
    /// 99 of 100 took no longer.
    pub(super) p99_ms: f64,
}

impl Summary {
    /// The summary of some times.
    pub(super) fn of(mut times: Vec<Duration>) -> Result<Self> {
        times.sort_unstable();
        let (Some(p50), Some(p99)) = (rank(&times, 50), rank(&times, 99)) else {
            bail!("nothing was measured");
        };
        Ok(Self { samples: times.len(), p50_ms: milliseconds(p50), p99_ms: milliseconds(p99) })
    }
}

/// The smallest value that is not exceeded by this many of a hundred.
fn rank(sorted: &[Duration], percent: usize) -> Option<Duration> {
    let place = (sorted.len() * percent).div_ceil(100);
    sorted.get(place.checked_sub(1)?).copied()
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 100_000.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(milliseconds: impl IntoIterator<Item = u64>) -> Summary {
        Summary::of(milliseconds.into_iter().map(Duration::from_millis).collect()).unwrap()
    }

    #[test]
    fn percentiles_are_measured_values() {
        assert_eq!(summary([7]), Summary { samples: 1, p50_ms: 7.0, p99_ms: 7.0 });
        assert_eq!(summary([3, 1, 2]), Summary { samples: 3, p50_ms: 2.0, p99_ms: 3.0 });
        assert_eq!(summary((1..=100).rev()), Summary { samples: 100, p50_ms: 50.0, p99_ms: 99.0 });
        assert!(Summary::of(Vec::new()).is_err());
    }
}
