use std::sync::Arc;
use std::time::Duration;

use crate::app::{self, App};

/// How often it is looked whose time is over.
const EVERY: Duration = Duration::from_secs(10);

/// Ends suspensions and the time in the trash, for ever.
pub(crate) async fn life(app: Arc<App>) {
    loop {
        if let Err(error) = app::end_of_time(&app).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "it could not be looked whose time is over; it is tried again"
            );
        }
        tokio::time::sleep(EVERY).await;
    }
}
