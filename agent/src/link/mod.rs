//! The line to the server: the agent asks, the server answers; HTTP/1.1 with JSON over a Unix socket.

mod client;
mod outbox;
mod retry;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use berth_core::link::{PullRequest, PullResponse};

pub use client::{Client, LinkError};
pub use outbox::{Outbox, RunKey};

use crate::host::Host;
use crate::inquiry;
use crate::ledger::Ledger;
use crate::reconcile::{Jitter, Lanes};
use retry::Retry;

/// Accounts in one answer.
const LIMIT: u32 = 500;

/// How long the server holds a question for which it has nothing new.
const WAIT: Duration = Duration::from_secs(25);

/// What both directions share.
#[derive(Clone)]
pub struct Link {
    /// The server.
    pub client: Arc<Client>,
    /// The agent's memory.
    pub ledger: Arc<Mutex<Ledger>>,
    /// Where news goes.
    pub lanes: Arc<Lanes>,
    /// Where reports come from.
    pub outbox: Arc<Outbox>,
    /// Spreads retries.
    pub jitter: Jitter,
    /// What is looked at when somebody asks.
    pub host: Arc<dyn Host>,
}

impl Link {
    /// Fetches what is new, for ever. While the server is away the agent goes on with what it knows.
    pub async fn pull(self) {
        let mut retry = Retry::new(Arc::clone(&self.jitter));
        loop {
            match self.pull_once().await {
                Ok(()) => retry.succeeded("the server answers again"),
                Err(error) => retry.failed(&error).await,
            }
        }
    }

    async fn pull_once(&self) -> Result<(), LinkError> {
        let request = self.question();
        let answer: PullResponse = self.client.post("/agent/v1/pull", &request, WAIT * 2).await?;
        let link = self.clone();
        // Writing to disk blocks, and this thread has other work.
        tokio::task::spawn_blocking(move || link.take_in(&request, answer))
            .await
            .map_err(|error| LinkError::Ledger(std::io::Error::other(error)))?
            .map_err(LinkError::Ledger)
    }

    /// What the agent asks the server next.
    pub fn question(&self) -> PullRequest {
        let (cursor, audit, acme) = {
            let ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
            (ledger.cursor(), ledger.audit(), ledger.acme().cloned())
        };
        PullRequest {
            cursor,
            audit: audit.max(self.outbox.audit_wanted()),
            limit: LIMIT,
            wait_ms: u32::try_from(WAIT.as_millis()).unwrap_or(u32::MAX),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            acme,
        }
    }

    /// Stores what the server has answered, and has it worked on. Blocks.
    ///
    /// # Errors
    /// The ledger can't be written; asking again gets the same answer.
    pub fn take_in(&self, request: &PullRequest, answer: PullResponse) -> io::Result<()> {
        let (changed, other_key) = {
            let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
            let other_key = answer.acme.map_or(Ok(false), |acme| ledger.set_acme(acme))?;
            ledger.accept_certificates(answer.certificates)?;
            (ledger.accept(answer.accounts)?, other_key)
        };
        if other_key {
            // The web server's main configuration is only looked at by an audit.
            self.lanes.audit();
        }
        if !changed.is_empty() {
            self.lanes.changed(changed);
        }
        if answer.audit > request.audit {
            self.outbox.want_audit(answer.audit);
            self.lanes.audit();
        }
        if !answer.inquiries.is_empty() {
            let (host, outbox) = (Arc::clone(&self.host), Arc::clone(&self.outbox));
            let inquiries = answer.inquiries;
            // Nothing waits for it: the next question can be fetched meanwhile.
            tokio::task::spawn_blocking(move || {
                outbox.replies(inquiries.iter().map(|asked| inquiry::answer(host.as_ref(), asked)).collect());
            });
        }
        if !answer.quarantines.is_empty() {
            self.lanes.quarantine(answer.quarantines);
        }
        Ok(())
    }

    /// Sends what there is to report, for ever.
    pub async fn report(self) {
        let mut retry = Retry::new(Arc::clone(&self.jitter));
        loop {
            let report = self.outbox.next().await;
            match self.client.post::<_, serde_json::Value>("/agent/v1/report", &report, WAIT).await {
                Ok(_) => {
                    retry.succeeded("the server takes reports again");
                    let (ledger, outbox) = (Arc::clone(&self.ledger), Arc::clone(&self.outbox));
                    let confirmed = tokio::task::spawn_blocking(move || {
                        outbox.confirmed(&mut ledger.lock().unwrap_or_else(PoisonError::into_inner), report)
                    });
                    if let Ok(Err(error)) = confirmed.await {
                        // The report is only sent once more after a restart.
                        tracing::warn!(%error, "cannot note in the ledger that a report was taken");
                    }
                }
                Err(error) => {
                    self.outbox.put_back(report);
                    retry.failed(&error).await;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
