use berth_core::audit::{AuditEntry, AuditOutcome};
use berth_core::id::{EventId, RequestId, UserId};
use berth_core::policy::Action;
use berth_core::role::Actor;
use berth_store::Tx;
use berth_store::sessions::SessionUser;
use berth_store::users::UserRecord;
use serde_json::Value;

use super::context::{App, Ctx};
use super::problem::Failure;
use super::published::{News, publish};

/// Writes down what is being done, in the transaction that does it: for the audit log, and as an event.
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
    audit_event(ctx, tx, action, subject, user, detail).await.map(drop)
}

/// The same, for whoever needs the event.
pub(super) async fn audit_event(
    ctx: &Ctx,
    tx: &mut Tx,
    action: Action,
    subject: impl Into<String>,
    user: Option<UserId>,
    detail: Value,
) -> Result<EventId, Failure> {
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
    let AuditEntry { actor_label: actor, action: kind, subject, user, request, detail, .. } = entry;
    let news = News { kind: &kind, subject, user, actor, request: Some(request), detail };
    publish(&ctx.app, tx, news).await
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
    write(app, request, tx, actor, action, (user.id, user.name.clone()), detail).await
}

/// The same for what somebody does who has only a link.
pub(super) async fn audit_as(
    app: &App,
    request: RequestId,
    tx: &mut Tx,
    actor: &Actor,
    action: &str,
    user: &UserRecord,
    detail: Value,
) -> Result<(), Failure> {
    let name = user.login.as_ref().map_or_else(|| user.email.to_string(), ToString::to_string);
    write(app, request, tx, actor, action, (user.id, name), detail).await
}

async fn write(
    app: &App,
    request: RequestId,
    tx: &mut Tx,
    actor: &Actor,
    action: &str,
    (user, subject): (UserId, String),
    detail: Value,
) -> Result<(), Failure> {
    let entry = AuditEntry {
        at: app.clock.now(),
        actor: serde_json::to_value(actor).unwrap_or_default(),
        actor_label: actor.label(),
        action: action.to_owned(),
        subject,
        user: Some(user),
        outcome: AuditOutcome::Done,
        request: request.to_string(),
        detail,
    };
    berth_store::audit::append(tx, &entry).await?;
    let AuditEntry { actor_label: actor, action: kind, subject, user, request, detail, .. } = entry;
    let news = News { kind: &kind, subject, user, actor, request: Some(request), detail };
    publish(app, tx, news).await.map(drop)
}
