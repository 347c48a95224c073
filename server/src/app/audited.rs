use berth_core::audit::{AuditEntry, AuditOutcome};
use berth_core::id::{RequestId, UserId};
use berth_core::policy::Action;
use berth_core::role::Actor;
use berth_store::Tx;
use berth_store::sessions::SessionUser;
use serde_json::Value;

use super::context::{App, Ctx};
use super::problem::Failure;

/// Writes down what is being done, in the transaction that does it.
///
/// `detail` holds old and new values and never a secret.
pub(super) async fn audit(
    ctx: &Ctx,
    tx: &mut Tx,
    action: Action,
    subject: impl Into<String>,
    user: Option<UserId>,
    detail: Value,
) -> Result<(), Failure> {
    let entry = AuditEntry {
        at: ctx.app.clock.now(),
        actor: serde_json::to_value(&ctx.actor).unwrap_or_default(),
        actor_label: ctx.actor.label(),
        action: action.as_str().to_owned(),
        subject: subject.into(),
        user,
        outcome: AuditOutcome::Done,
        request: ctx.request.to_string(),
        detail,
    };
    berth_store::audit::append(tx, &entry).await?;
    Ok(())
}

/// The same for what a person does about their own sign-in, which no [`Ctx`] stands for yet.
pub(super) async fn audit_of(
    app: &App,
    request: RequestId,
    tx: &mut Tx,
    actor: &Actor,
    action: &str,
    user: &SessionUser,
    detail: Value,
) -> Result<(), Failure> {
    let entry = AuditEntry {
        at: app.clock.now(),
        actor: serde_json::to_value(actor).unwrap_or_default(),
        actor_label: actor.label(),
        action: action.to_owned(),
        subject: user.name.clone(),
        user: Some(user.id),
        outcome: AuditOutcome::Done,
        request: request.to_string(),
        detail,
    };
    berth_store::audit::append(tx, &entry).await?;
    Ok(())
}
