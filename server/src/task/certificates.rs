use std::sync::Arc;
use std::time::Duration;

use crate::app::{self, App};

/// How often certificates are looked through for those for which something is to be done.
const EVERY: Duration = Duration::from_secs(5);

/// Orders and renews certificates, for ever.
pub(crate) async fn certificates(app: Arc<App>) {
    loop {
        match app::order_certificates(&app).await {
            // More may wait.
            Ok(taken) if taken > 0 => {}
            Ok(_) => tokio::time::sleep(EVERY).await,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "certificates could not be looked at; it is tried again"
                );
                tokio::time::sleep(EVERY).await;
            }
        }
    }
}
