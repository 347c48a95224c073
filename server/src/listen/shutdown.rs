use tokio::sync::watch;

/// Tells everything that waits that the server is about to end.
#[derive(Debug, Clone)]
pub struct Shutdown(watch::Receiver<bool>);

impl Shutdown {
    /// The signal and what gives it.
    pub fn channel() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }

    /// Returns once the server ends, also if whoever would have said so is gone.
    pub async fn begun(&self) {
        let mut receiver = self.0.clone();
        let _ = receiver.wait_for(|ending| *ending).await;
    }
}
