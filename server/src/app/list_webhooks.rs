use berth_core::Problems;
use berth_core::policy::Action;
use berth_core::view::WebhookView;
use berth_store::webhooks;

use super::authorize::{Target, authorize};
use super::context::Ctx;
use super::problem::{Failure, retrying};
use super::view::webhook_view;

/// Every webhook, oldest first, without secrets.
///
/// # Errors
/// `forbidden`.
pub async fn list_webhooks(ctx: &Ctx) -> Result<Vec<WebhookView>, Problems> {
    authorize(ctx, Action::WebhookRead, &Target::installation("webhooks")).await?;
    retrying!(&ctx.app, attempt(ctx))
}

async fn attempt(ctx: &Ctx) -> Result<Vec<WebhookView>, Failure> {
    let mut tx = ctx.app.store.read().await?;
    Ok(webhooks::list(&mut tx).await?.into_iter().map(webhook_view).collect())
}
