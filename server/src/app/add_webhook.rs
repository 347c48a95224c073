use berth_core::command::AddWebhook;
use berth_core::event::EventPattern;
use berth_core::id::WebhookId;
use berth_core::mode::Mode;
use berth_core::policy::Action;
use berth_core::view::{ChangeKind, CreatedWebhook};
use berth_core::webhook::WebhookUrl;
use berth_core::{Code, Problem, Problems};
use berth_store::webhooks::{self, WebhookRecord};
use chrono::DateTime;
use serde_json::json;

use super::audited::audit;
use super::authorize::{Target, authorize};
use super::context::Ctx;
use super::idempotency::Request;
use super::outcome::{Outcome, one_change};
use super::problem::{Failure, retrying};
use super::view::webhook_view;
use crate::network;
use crate::secret::token;

/// What every secret begins with, so that scanners for leaked secrets know one.
const PREFIX: &str = "berth_whsec_";

/// Has somebody told of events. What they are sent is signed with a secret, which is in the answer and nowhere
/// else; repeating the request under the same idempotency key answers with an empty one.
///
/// # Errors
/// `webhook_url_invalid` for an address that the installation does not send to, `idempotency_conflict`.
pub async fn add_webhook(
    ctx: &Ctx,
    command: AddWebhook,
    mode: Mode,
) -> Result<Outcome<CreatedWebhook>, Problems> {
    authorize(ctx, Action::WebhookAdd, &Target::installation(command.url.origin())).await?;
    if let Some(problem) = why_not(ctx, &command.url) {
        return Err(problem.at("url").into());
    }
    let request = Request::new(ctx, Action::WebhookAdd, &command)?;
    retrying!(&ctx.app, attempt(ctx, &command, &request, mode))
}

/// Why the installation sends nothing there. Where a name leads is looked at whenever something is sent.
fn why_not(ctx: &Ctx, url: &WebhookUrl) -> Option<Problem> {
    let settings = &ctx.app.settings.webhooks;
    if !settings.allow_http && !url.is_encrypted() {
        let problem = Problem::new(Code::WebhookUrlInvalid, format!("{} is not encrypted", url.origin()));
        return Some(
            problem.hint("use https, or set `allow_http` in the `[webhooks]` section of berth.toml"),
        );
    }
    if !settings.allow_private && url.literal_address().is_some_and(|address| !network::is_public(address)) {
        let problem =
            Problem::new(Code::WebhookUrlInvalid, format!("{} is not a public address", url.origin()));
        return Some(
            problem.hint(
                "use a public address, or set `allow_private` in the `[webhooks]` section of berth.toml",
            ),
        );
    }
    None
}

async fn attempt(
    ctx: &Ctx,
    command: &AddWebhook,
    request: &Request,
    mode: Mode,
) -> Result<Outcome<CreatedWebhook>, Failure> {
    let mut tx = ctx.open(mode).await?;
    if let Some(done) = request.replay(&mut tx, mode).await? {
        return Ok(Outcome::Done(done));
    }
    let patterns: Vec<&str> = command.events.iter().map(EventPattern::as_str).collect();
    let plan = || {
        let detail = format!("told of {}", patterns.join(", "));
        one_change(ChangeKind::Create, "webhook", command.url.as_str(), Some(detail))
    };
    if let Some(answer) = Outcome::of_dry_run(mode, plan) {
        return Ok(answer);
    }
    let now = ctx.app.clock.now();
    let webhook = WebhookRecord {
        id: WebhookId::new(now, ctx.app.randomness.ten()),
        url: command.url.clone(),
        events: command.events.clone(),
        note: command.note.clone(),
        created_at: now,
        failures: 0,
        rests_until: DateTime::UNIX_EPOCH,
        waiting: 0,
    };
    let secret = format!("{PREFIX}{}", token(ctx.app.randomness.as_ref()).as_str());
    let randomness = ctx.app.randomness.as_ref();
    let sealed =
        ctx.app.keyring.seal(secret.as_bytes(), &secret_place(webhook.id), randomness).map_err(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "a secret can't be sealed");
            Problem::new(Code::Internal, "a secret can't be sealed")
        })?;
    webhooks::insert(&mut tx, &webhook, &sealed).await?;
    let detail = json!({ "to": webhook.url.origin(), "events": webhook.events, "note": webhook.note });
    let id = webhook.id;
    let mut created = CreatedWebhook { webhook: webhook_view(webhook), secret: String::new() };
    request.remember(&mut tx, &created).await?;
    audit(ctx, &mut tx, Action::WebhookAdd, format!("webhook {id}"), None, detail).await?;
    tx.commit().await?;
    created.secret = secret;
    Ok(Outcome::Done(created))
}

/// What a sealed secret is bound to.
pub(super) fn secret_place(id: WebhookId) -> String {
    format!("webhooks/{id}/secret")
}
