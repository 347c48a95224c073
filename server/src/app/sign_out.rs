use berth_core::Problems;
use berth_core::id::RequestId;
use berth_store::{impersonations, sessions};
use serde_json::json;

use super::audited::audit_of;
use super::context::App;
use super::problem::{Failure, retrying};
use super::session::Session;

/// Ends a session, in whatever state it is, and with it the place that its user had taken.
///
/// # Errors
/// Only if the database fails; a session that is over stays so.
pub async fn sign_out(app: &App, request: RequestId, session: &Session) -> Result<(), Problems> {
    retrying!(app, attempt(app, request, session))
}

async fn attempt(app: &App, request: RequestId, session: &Session) -> Result<(), Failure> {
    let mut tx = app.store.begin().await?;
    let record = sessions::by_id(&mut tx, session.id).await?;
    if let Some(grant) = record.and_then(|record| record.impersonation) {
        impersonations::end(&mut tx, grant, app.clock.now()).await?;
    }
    if sessions::delete(&mut tx, session.id).await? {
        let detail = json!({ "session": session.id });
        audit_of(app, request, &mut tx, &session.own_actor(), "session.sign_out", &session.user, detail)
            .await?;
    }
    Ok(tx.commit().await?)
}
