use std::sync::Arc;
use std::time::Duration;

use crate::app::{self, App};

/// How often somebody looks whether anything is to be sent. A look reads an index that holds what waits.
const EVERY: Duration = Duration::from_secs(1);
/// How long to wait when the database does not answer.
const TROUBLE: Duration = Duration::from_secs(15);

/// Sends events to webhooks, for ever.
pub(crate) async fn events(app: Arc<App>) {
    loop {
        match app::deliver_events(&app).await {
            // More may wait.
            Ok(sent) if sent > 0 => {}
            Ok(_) => tokio::time::sleep(EVERY).await,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "events could not be sent; it is tried again"
                );
                tokio::time::sleep(TROUBLE).await;
            }
        }
    }
}
