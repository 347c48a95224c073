//! Starting PHP before anybody asks: somebody who has just created an account looks at its first page next.
//!
//! It costs nothing that anybody would miss: one account at a time, none in a batch, and only a few that nobody
//! has asked for yet. What nobody asks for ends as every idle PHP does.

use std::sync::Arc;
use std::time::Duration;

use berth_core::account::Uid;
use tokio::time::Instant;

use super::{Activator, Inner, Phase, lock};

/// Accounts that come closer together are a batch.
const BATCH: Duration = Duration::from_millis(500);

impl Activator {
    /// Starts the PHP of an account that has just been created, unless there is something better to do.
    pub fn warm(&self, uid: Uid) {
        let inner = &self.0;
        let now = Instant::now();
        let before = lock(&inner.newest).replace(now);
        if before.is_some_and(|before| now.duration_since(before) < BATCH) || !inner.has_room() {
            return;
        }
        let Some(pool) = inner.pools().get(&uid).cloned() else { return };
        let inner = Arc::clone(inner);
        self.0.runtime.spawn(async move {
            // Requests that wait come first.
            let Ok(permit) = inner.starts.try_acquire() else { return };
            pool.held().unasked = true;
            inner.start(&pool, permit).await;
            pool.changed.notify_one();
        });
    }
}

impl Inner {
    /// Whether one more may run that nobody has asked for.
    fn has_room(&self) -> bool {
        let unasked = |held: &super::Held| held.unasked && matches!(held.phase, Phase::Running { .. });
        let running = self.pools().values().filter(|pool| unasked(&pool.held())).count();
        running < self.settings.warm
    }
}
