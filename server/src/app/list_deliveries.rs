use berth_core::id::WebhookId;
use berth_core::policy::Action;
use berth_core::view::{DeliveryView, Page};
use berth_core::webhook::DeliveryState;
use berth_core::{Fields, Problems};
use berth_store::webhooks::{self, DeliveryFilter};

use super::authorize::{Target, authorize};
use super::context::Ctx;
use super::known;
use super::paging::Paging;
use super::problem::{Failure, retrying};
use super::view::delivery_view;

/// A page of the deliveries of a webhook, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ListDeliveries {
    /// Only in this state.
    pub state: Option<DeliveryState>,
    /// Which page.
    pub paging: Paging,
}

impl ListDeliveries {
    /// Reads `state`, `cursor` and `limit` (as text, since it comes from a query).
    ///
    /// # Errors
    /// Every problem of every field.
    pub fn parse(mut fields: Fields) -> Result<Self, Problems> {
        let state = fields.optional("state");
        let paging = Paging::read(&mut fields);
        fields.finish().into_result().map(|()| Self { state, paging })
    }
}

/// A page of the deliveries of a webhook.
///
/// # Errors
/// `webhook_not_found`, `cursor_invalid`.
pub async fn list_deliveries(
    ctx: &Ctx,
    id: WebhookId,
    command: ListDeliveries,
) -> Result<Page<DeliveryView>, Problems> {
    authorize(ctx, Action::WebhookRead, &Target::installation(format!("webhook {id}"))).await?;
    retrying!(&ctx.app, attempt(ctx, id, &command))
}

async fn attempt(ctx: &Ctx, id: WebhookId, command: &ListDeliveries) -> Result<Page<DeliveryView>, Failure> {
    let mut tx = ctx.app.store.read().await?;
    let webhook = known::webhook(&mut tx, id).await?;
    let filter = DeliveryFilter { webhook: webhook.id, state: command.state };
    let Paging { cursor, limit } = &command.paging;
    let page = webhooks::deliveries(&mut tx, filter, cursor.as_deref(), *limit).await?;
    Ok(Page { items: page.items.into_iter().map(delivery_view).collect(), next: page.next })
}
