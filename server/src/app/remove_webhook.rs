use berth_core::Problems;
use berth_core::id::WebhookId;
use berth_core::mode::Mode;
use berth_core::policy::Action;
use berth_core::view::ChangeKind;
use berth_store::webhooks;
use serde_json::json;

use super::audited::audit;
use super::authorize::{Target, authorize};
use super::context::Ctx;
use super::known;
use super::outcome::{Outcome, one_change};
use super::problem::{Failure, retrying};

/// Tells a webhook of nothing more, not even of what is on its way.
///
/// # Errors
/// `webhook_not_found`.
pub async fn remove_webhook(ctx: &Ctx, id: WebhookId, mode: Mode) -> Result<Outcome<()>, Problems> {
    authorize(ctx, Action::WebhookRemove, &Target::installation(format!("webhook {id}"))).await?;
    retrying!(&ctx.app, attempt(ctx, id, mode))
}

async fn attempt(ctx: &Ctx, id: WebhookId, mode: Mode) -> Result<Outcome<()>, Failure> {
    let mut tx = ctx.open(mode).await?;
    let webhook = known::webhook(&mut tx, id).await?;
    let plan = || {
        let detail = format!("{} deliveries that wait are not sent", webhook.waiting);
        one_change(ChangeKind::Remove, "webhook", webhook.url.as_str(), Some(detail))
    };
    if let Some(answer) = Outcome::of_dry_run(mode, plan) {
        return Ok(answer);
    }
    webhooks::remove(&mut tx, id).await?;
    let detail = json!({ "to": webhook.url.origin(), "events": webhook.events, "note": webhook.note });
    audit(ctx, &mut tx, Action::WebhookRemove, format!("webhook {id}"), None, detail).await?;
    tx.commit().await?;
    Ok(Outcome::Done(()))
}
