use berth_core::Problems;
use berth_core::settings::Installation;
use berth_store::{Tx, settings};

use super::context::App;
use super::problem::{Failure, retrying};

/// Under which key the settings are stored.
pub(super) const KEY: &str = "installation";

/// Reads what administrators have set, so that it holds in this process too. Called at the start, and now and
/// then after it, since another server may have written it.
///
/// # Errors
/// Only if the database fails.
pub async fn load_settings(app: &App) -> Result<(), Problems> {
    let stored = retrying!(app, async {
        let mut tx = app.store.read().await?;
        stored(&mut tx).await
    })?;
    app.install(stored);
    Ok(())
}

pub(super) async fn stored(tx: &mut Tx) -> Result<Installation, Failure> {
    Ok(settings::get(tx, KEY).await?.unwrap_or_default())
}
