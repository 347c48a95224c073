use berth_core::Problems;
use berth_store::settings;

use super::context::App;
use super::problem::{Failure, retrying};

/// Whether requests can be answered: the database is reachable, and its tables are those of this program.
///
/// # Errors
/// `unavailable`, or `internal` if the database has not been migrated.
pub async fn ready(app: &App) -> Result<(), Problems> {
    retrying!(app, attempt(app))
}

async fn attempt(app: &App) -> Result<(), Failure> {
    let mut tx = app.store.read().await?;
    // Any table would do; one that is small and always there costs nothing.
    settings::all(&mut tx).await?;
    Ok(())
}
