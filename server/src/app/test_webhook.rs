use berth_core::Problems;
use berth_core::id::WebhookId;
use berth_core::mode::Mode;
use berth_core::policy::Action;
use berth_core::view::{ChangeKind, DeliveryView};
use berth_core::{Code, Problem};
use berth_store::webhooks::{self, DeliveryFilter};
use chrono::DateTime;
use serde_json::json;

use super::audited::audit_event;
use super::authorize::{Target, authorize};
use super::context::Ctx;
use super::known;
use super::outcome::{Outcome, one_change};
use super::problem::{Failure, retrying};
use super::published::send;
use super::view::delivery_view;

/// Sends a webhook an event that says no more than that it is a test, whatever events it wants. What comes of
/// it is shown by the delivery that is answered.
///
/// # Errors
/// `webhook_not_found`.
pub async fn test_webhook(ctx: &Ctx, id: WebhookId, mode: Mode) -> Result<Outcome<DeliveryView>, Problems> {
    authorize(ctx, Action::WebhookTest, &Target::installation(format!("webhook {id}"))).await?;
    retrying!(&ctx.app, attempt(ctx, id, mode))
}

async fn attempt(ctx: &Ctx, id: WebhookId, mode: Mode) -> Result<Outcome<DeliveryView>, Failure> {
    let mut tx = ctx.open(mode).await?;
    let webhook = known::webhook(&mut tx, id).await?;
    let plan = || {
        let detail = format!("{} to {}", Action::WebhookTest.as_str(), webhook.url.origin());
        one_change(ChangeKind::Create, "delivery", webhook.url.origin(), Some(detail))
    };
    if let Some(answer) = Outcome::of_dry_run(mode, plan) {
        return Ok(answer);
    }
    let detail = json!({ "to": webhook.url.origin() });
    // The event of the verb is the test itself.
    let event = audit_event(ctx, &mut tx, Action::WebhookTest, format!("webhook {id}"), None, detail).await?;
    send(&ctx.app, &mut tx, id, event, ctx.app.clock.now()).await?;
    webhooks::rest(&mut tx, id, webhook.failures, DateTime::UNIX_EPOCH).await?;
    let newest =
        webhooks::deliveries(&mut tx, DeliveryFilter { webhook: id, state: None }, None, 200).await?;
    let Some(delivery) = newest.items.into_iter().find(|delivery| delivery.event == event) else {
        return Err(Problem::new(Code::Internal, "the delivery that was stored is not there").into());
    };
    tx.commit().await?;
    Ok(Outcome::Done(delivery_view(delivery)))
}
