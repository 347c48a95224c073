use std::sync::Arc;
use std::time::Duration;

use crate::app::{self, App};

/// How often pending domains are looked through for those whose turn it is.
const EVERY: Duration = Duration::from_secs(15);

/// Looks for the proofs of pending domains, for ever.
pub(crate) async fn ownership(app: Arc<App>) {
    loop {
        match app::verify_pending(&app).await {
            // More may wait.
            Ok(looked) if looked > 0 => {}
            Ok(_) => tokio::time::sleep(EVERY).await,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "pending domains could not be looked at; it is tried again"
                );
                tokio::time::sleep(EVERY).await;
            }
        }
    }
}
