use berth_core::Problems;
use berth_core::id::{DeliveryId, WebhookId};
use berth_core::policy::Action;
use berth_core::view::DeliveryView;

use super::authorize::{Target, authorize};
use super::context::Ctx;
use super::known;
use super::problem::{Failure, retrying};
use super::view::delivery_view;

/// A delivery of a webhook.
///
/// # Errors
/// `webhook_not_found`, `delivery_not_found`.
pub async fn show_delivery(ctx: &Ctx, webhook: WebhookId, id: DeliveryId) -> Result<DeliveryView, Problems> {
    authorize(ctx, Action::WebhookRead, &Target::installation(format!("webhook {webhook}"))).await?;
    retrying!(&ctx.app, attempt(ctx, webhook, id))
}

async fn attempt(ctx: &Ctx, webhook: WebhookId, id: DeliveryId) -> Result<DeliveryView, Failure> {
    let mut tx = ctx.app.store.read().await?;
    let webhook = known::webhook(&mut tx, webhook).await?;
    Ok(delivery_view(known::delivery(&mut tx, webhook.id, id).await?))
}
