//! `/webhooks`

use berth_core::Code;
use berth_core::command::AddWebhook;
use berth_core::view::{CreatedWebhook, DeliveryView, Page, WebhookView};

use super::answer::{self, Answer};
use super::bodies::AddWebhookBody;
use super::body::JsonFields;
use super::caller::Caller;
use super::params::{
    ChangeParams, DeliveryFilterParams, DeliveryParam, IdempotencyParam, PageParams, WebhookParam,
};
use super::path::PathParts;
use super::query::{DryRun, NoQuery, QueryFields};
use crate::app::{self, ListDeliveries};

/// List webhooks
///
/// Without their secrets, which nobody can see again.
#[utoipa::path(
    get, path = "/webhooks", tag = "Events", operation_id = "list_webhooks",
    responses((status = 200, description = "All of them, in one page", body = Page<WebhookView>)),
    extensions(("x-problems" = json!([]))),
)]
pub(super) async fn list(Caller(ctx): Caller, _: NoQuery) -> Answer {
    Ok(answer::listed(app::list_webhooks(&ctx).await?))
}

/// Add a webhook
///
/// Events are sent to the address as JSON documents, each at least once and in no certain order, with the headers
/// `Berth-Event` (the kind), `Berth-Delivery` (the delivery) and `Berth-Signature`:
/// `t=<seconds>,v1=<HMAC-SHA-256 of "<seconds>.<body>" under the secret, hexadecimal>`. Any answer but 2xx is a
/// failure, a redirect too; it is tried again for three days, ever more seldom. A repetition has the same `id`. The
/// secret is in this answer and nowhere else.
#[utoipa::path(
    post, path = "/webhooks", tag = "Events", operation_id = "add_webhook",
    params(ChangeParams, IdempotencyParam),
    request_body = AddWebhookBody,
    responses((status = 201, description = "The new webhook with its secret", body = CreatedWebhook)),
    extensions(("x-problems" = json!(["webhook_url_invalid", "value_invalid"]))),
)]
pub(super) async fn add(Caller(ctx): Caller, DryRun(mode): DryRun, JsonFields(fields): JsonFields) -> Answer {
    let command = AddWebhook::parse(fields)?;
    let outcome = app::add_webhook(&ctx, command, mode).await?;
    Ok(answer::created(&outcome, |created| format!("/api/v1/webhooks/{}", created.webhook.id)))
}

/// Show a webhook
#[utoipa::path(
    get, path = "/webhooks/{webhook}", tag = "Events", operation_id = "show_webhook",
    params(WebhookParam),
    responses((status = 200, description = "The webhook", body = WebhookView)),
    extensions(("x-problems" = json!(["webhook_not_found"]))),
)]
pub(super) async fn show(Caller(ctx): Caller, _: NoQuery, path: PathParts) -> Answer {
    let id = path.id("webhook", Code::WebhookNotFound)?;
    Ok(answer::read(&app::show_webhook(&ctx, id).await?))
}

/// Remove a webhook
///
/// It is told of nothing more, not even of what is on its way.
#[utoipa::path(
    delete, path = "/webhooks/{webhook}", tag = "Events", operation_id = "remove_webhook",
    params(WebhookParam, ChangeParams, IdempotencyParam),
    responses((status = 204, description = "It is removed")),
    extensions(("x-problems" = json!(["webhook_not_found"]))),
)]
pub(super) async fn remove(Caller(ctx): Caller, DryRun(mode): DryRun, path: PathParts) -> Answer {
    let id = path.id("webhook", Code::WebhookNotFound)?;
    Ok(answer::removed(&app::remove_webhook(&ctx, id, mode).await?))
}

/// Try a webhook
///
/// Sends an event `webhook.test`, whatever events the webhook wants. The delivery shows what comes of it.
#[utoipa::path(
    post, path = "/webhooks/{webhook}/test", tag = "Events", operation_id = "test_webhook",
    params(WebhookParam, ChangeParams, IdempotencyParam),
    responses((status = 200, description = "The delivery, which is under way", body = DeliveryView)),
    extensions(("x-problems" = json!(["webhook_not_found"]))),
)]
pub(super) async fn test(
    Caller(ctx): Caller,
    DryRun(mode): DryRun,
    path: PathParts,
    JsonFields(fields): JsonFields,
) -> Answer {
    fields.finish().into_result()?;
    let id = path.id("webhook", Code::WebhookNotFound)?;
    Ok(answer::changed(&app::test_webhook(&ctx, id, mode).await?))
}

/// List the deliveries of a webhook
///
/// Newest first, page by page.
#[utoipa::path(
    get, path = "/webhooks/{webhook}/deliveries", tag = "Events", operation_id = "list_deliveries",
    params(WebhookParam, DeliveryFilterParams, PageParams),
    responses((status = 200, description = "One page of deliveries", body = Page<DeliveryView>)),
    extensions(("x-problems" = json!(["webhook_not_found", "value_invalid", "cursor_invalid"]))),
)]
pub(super) async fn deliveries(
    Caller(ctx): Caller,
    QueryFields(fields): QueryFields,
    path: PathParts,
) -> Answer {
    let id = path.id("webhook", Code::WebhookNotFound)?;
    let command = ListDeliveries::parse(fields)?;
    Ok(answer::read(&app::list_deliveries(&ctx, id, command).await?))
}

/// Show a delivery
#[utoipa::path(
    get, path = "/webhooks/{webhook}/deliveries/{delivery}", tag = "Events", operation_id = "show_delivery",
    params(WebhookParam, DeliveryParam),
    responses((status = 200, description = "The delivery", body = DeliveryView)),
    extensions(("x-problems" = json!(["webhook_not_found", "delivery_not_found"]))),
)]
pub(super) async fn delivery(Caller(ctx): Caller, _: NoQuery, path: PathParts) -> Answer {
    let webhook = path.id("webhook", Code::WebhookNotFound)?;
    let id = path.id("delivery", Code::DeliveryNotFound)?;
    Ok(answer::read(&app::show_delivery(&ctx, webhook, id).await?))
}

/// Send an event to a webhook again
///
/// Whatever has come of it before; the receiver knows a repetition by the id of the event.
#[utoipa::path(
    post, path = "/webhooks/{webhook}/deliveries/{delivery}/replay", tag = "Events",
    operation_id = "replay_delivery",
    params(WebhookParam, DeliveryParam, ChangeParams, IdempotencyParam),
    responses((status = 200, description = "The delivery, which is under way again", body = DeliveryView)),
    extensions(("x-problems" = json!(["webhook_not_found", "delivery_not_found"]))),
)]
pub(super) async fn replay(
    Caller(ctx): Caller,
    DryRun(mode): DryRun,
    path: PathParts,
    JsonFields(fields): JsonFields,
) -> Answer {
    fields.finish().into_result()?;
    let webhook = path.id("webhook", Code::WebhookNotFound)?;
    let id = path.id("delivery", Code::DeliveryNotFound)?;
    Ok(answer::changed(&app::replay_delivery(&ctx, webhook, id, mode).await?))
}
