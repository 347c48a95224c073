use std::sync::Arc;
use std::time::Duration;

use crate::app::{self, App};

/// How often the outbox is looked through.
const EVERY: Duration = Duration::from_secs(3);

/// Sends mail that is due, and takes over settings that another server has written, for ever.
pub(crate) async fn mail(app: Arc<App>) {
    loop {
        let sent = match app::load_settings(&app).await {
            Ok(()) => app::deliver_mails(&app).await,
            Err(error) => Err(error),
        };
        match sent {
            // More may wait.
            Ok(sent) if sent > 0 => {}
            Ok(_) => tokio::time::sleep(EVERY).await,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "mail could not be looked through; it is tried again"
                );
                tokio::time::sleep(EVERY).await;
            }
        }
    }
}
