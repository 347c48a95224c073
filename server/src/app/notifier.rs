use std::time::Duration;

use berth_store::Engine;
use tokio::sync::watch;
use tokio::time::Instant;

/// Wakes whoever waits in this process: agents for specs, people for conditions. It carries no data; those
/// who wake read the database, so a lost or needless signal costs at most one look.
#[derive(Debug)]
pub struct Notifier {
    changed: watch::Sender<u64>,
    poll: Duration,
}

impl Notifier {
    /// For a server on such a database: several may share PostgreSQL, and each signals in its own process only.
    pub(super) fn on(engine: Engine) -> Self {
        let poll = match engine {
            Engine::Postgres => Duration::from_secs(1),
            // Nobody else writes but an operator's command on the same host.
            Engine::Sqlite => Duration::from_secs(15),
        };
        Self { changed: watch::Sender::new(0), poll }
    }

    /// Something was committed.
    pub fn signal(&self) {
        self.changed.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Starts to listen. Do so before reading what is waited for, so that no signal falls in between.
    pub(super) fn listen(&self) -> Listener {
        Listener { changed: self.changed.subscribe(), poll: self.poll }
    }
}

/// One who waits.
pub(super) struct Listener {
    changed: watch::Receiver<u64>,
    poll: Duration,
}

impl Listener {
    /// Waits for the next signal, or until it is time to look without one. False if the deadline has passed.
    pub(super) async fn next(&mut self, deadline: Instant) -> bool {
        if Instant::now() >= deadline {
            return false;
        }
        let until = deadline.min(Instant::now() + self.poll);
        // An error means that the notifier is gone, hence the server; the deadline ends the waiting.
        if let Ok(Err(_)) = tokio::time::timeout_at(until, self.changed.changed()).await {
            tokio::time::sleep_until(until).await;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_signal_before_the_waiting_is_not_lost() {
        let notifier = Notifier { poll: Duration::from_millis(50), ..Notifier::on(Engine::Postgres) };
        let mut listener = notifier.listen();
        notifier.signal();
        let start = Instant::now();
        let far = start + Duration::from_mins(10);
        assert!(listener.next(far).await);
        assert!(start.elapsed() < Duration::from_millis(50), "the signal");
        assert!(listener.next(far).await);
        assert!(start.elapsed() >= Duration::from_millis(50), "the poll");
        assert!(!listener.next(start).await, "the deadline");
    }
}
