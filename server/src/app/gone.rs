//! What a node says of an account that it has purged.

use berth_core::link::GoneReport;
use berth_store::{Tx, trash};

use super::context::App;
use super::known::LinkedNode;
use super::problem::Failure;

/// Removes the account, with its user once they own nothing any more. A report about something that is not
/// being purged, or has changed since, changes nothing.
pub(super) async fn take(
    app: &App,
    tx: &mut Tx,
    node: &LinkedNode,
    report: &GoneReport,
) -> Result<(), Failure> {
    let Some(gone) = trash::gone(tx, node.id(), report.account, report.generation).await? else {
        tracing::debug!(account = %report.account, "gone already, or not to be");
        return Ok(());
    };
    trash::remove_account(tx, report.account, &gone, &report.looked, app.clock.now()).await?;
    if trash::owned_accounts(tx, gone.user).await?.is_empty() {
        trash::remove_user(tx, gone.user).await?;
    }
    tracing::info!(username = %gone.username, uid = %gone.uid, "purged");
    Ok(())
}
