//! Pauses while the server is away: from a tenth of a second up to ten, spread by up to a half.

use std::time::Duration;

use super::LinkError;
use crate::reconcile::Jitter;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);

/// State of one direction.
pub(super) struct Retry {
    failures: u32,
    jitter: Jitter,
}

impl Retry {
    pub(super) fn new(jitter: Jitter) -> Self {
        Self { failures: 0, jitter }
    }

    /// Ends the back-off.
    pub(super) fn succeeded(&mut self, said: &str) {
        if self.failures > 0 {
            tracing::info!(failures = self.failures, "{said}");
        }
        self.failures = 0;
    }

    /// Logs the first failure of a series, and waits.
    pub(super) async fn failed(&mut self, error: &LinkError) {
        if self.failures == 0 {
            let error: &dyn std::error::Error = error;
            tracing::warn!(error, "cannot reach the server; the agent goes on with what it knows");
        }
        tokio::time::sleep(self.pause()).await;
        self.failures = self.failures.saturating_add(1);
    }

    fn pause(&self) -> Duration {
        let pause = FIRST.saturating_mul(1 << self.failures.min(10)).min(LONGEST);
        pause.mul_f64(1.0 + (self.jitter)().clamp(0.0, 1.0) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn pauses_double_and_end() {
        let mut retry = Retry::new(Arc::new(|| 1.0));
        let pauses: Vec<u128> = (0..9)
            .map(|failures| {
                retry.failures = failures;
                retry.pause().as_millis()
            })
            .collect();
        assert_eq!(pauses, [150, 300, 600, 1200, 2400, 4800, 9600, 15000, 15000]);
    }
}
