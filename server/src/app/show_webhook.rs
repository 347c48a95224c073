use berth_core::Problems;
use berth_core::id::WebhookId;
use berth_core::policy::Action;
use berth_core::view::WebhookView;

use super::authorize::{Target, authorize};
use super::context::Ctx;
use super::known;
use super::problem::{Failure, retrying};
use super::view::webhook_view;

/// A webhook, without its secret.
///
/// # Errors
/// `webhook_not_found`.
pub async fn show_webhook(ctx: &Ctx, id: WebhookId) -> Result<WebhookView, Problems> {
    authorize(ctx, Action::WebhookRead, &Target::installation(format!("webhook {id}"))).await?;
    retrying!(&ctx.app, attempt(ctx, id))
}

async fn attempt(ctx: &Ctx, id: WebhookId) -> Result<WebhookView, Failure> {
    let mut tx = ctx.app.store.read().await?;
    Ok(webhook_view(known::webhook(&mut tx, id).await?))
}
