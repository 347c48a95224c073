use berth_core::Problems;
use berth_core::id::{DeliveryId, WebhookId};
use berth_core::mode::Mode;
use berth_core::policy::Action;
use berth_core::view::{ChangeKind, DeliveryView};
use berth_core::webhook::DeliveryState;
use berth_store::webhooks;
use chrono::DateTime;
use serde_json::json;

use super::audited::audit;
use super::authorize::{Target, authorize};
use super::context::Ctx;
use super::known;
use super::outcome::{Outcome, one_change};
use super::problem::{Failure, retrying};
use super::view::delivery_view;

/// Sends an event to a webhook again, whatever has come of it before, and at once, whatever the webhook has
/// failed at lately. The receiver knows a repetition by the id of the event.
///
/// # Errors
/// `webhook_not_found`, `delivery_not_found`.
pub async fn replay_delivery(
    ctx: &Ctx,
    webhook: WebhookId,
    id: DeliveryId,
    mode: Mode,
) -> Result<Outcome<DeliveryView>, Problems> {
    authorize(ctx, Action::WebhookReplay, &Target::installation(format!("webhook {webhook}"))).await?;
    retrying!(&ctx.app, attempt(ctx, webhook, id, mode))
}

async fn attempt(
    ctx: &Ctx,
    webhook: WebhookId,
    id: DeliveryId,
    mode: Mode,
) -> Result<Outcome<DeliveryView>, Failure> {
    let mut tx = ctx.open(mode).await?;
    let webhook = known::webhook(&mut tx, webhook).await?;
    let old = known::delivery(&mut tx, webhook.id, id).await?;
    let plan = || {
        let detail = format!("{}, {} → {}", old.kind, old.state.as_str(), DeliveryState::Waiting.as_str());
        one_change(ChangeKind::Change, "delivery", id.to_string(), Some(detail))
    };
    if let Some(answer) = Outcome::of_dry_run(mode, plan) {
        return Ok(answer);
    }
    webhooks::replay(&mut tx, id, ctx.app.clock.now()).await?;
    webhooks::rest(&mut tx, webhook.id, webhook.failures, DateTime::UNIX_EPOCH).await?;
    let detail = json!({ "delivery": id, "event": old.event, "kind": old.kind, "was": old.state });
    audit(ctx, &mut tx, Action::WebhookReplay, format!("webhook {}", webhook.id), None, detail).await?;
    let new = known::delivery(&mut tx, webhook.id, id).await?;
    tx.commit().await?;
    Ok(Outcome::Done(delivery_view(new)))
}
