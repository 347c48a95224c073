//! `berth webhook …`

use std::time::Duration;

use berth_core::view::{CreatedWebhook, DeliveryView, WebhookView};
use berth_core::webhook::DeliveryState;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::change::{ChangeArgs, object};
use super::pages::{self, PageArgs};
use crate::client::{Request, Session, decode};
use crate::failure::Failure;
use crate::output::{cell, sheet, table};

#[derive(Debug, Subcommand)]
pub(crate) enum WebhookCommand {
    /// Have an address told of events; the secret that they are signed with is shown once
    Add(AddArgs),
    /// List webhooks
    List,
    /// Show a webhook
    Show(WebhookArg),
    /// Tell a webhook of nothing more
    Remove(RemoveArgs),
    /// List what was sent to a webhook and what waits, newest first
    Deliveries(DeliveriesArgs),
    /// Send an event to a webhook again
    Replay(ReplayArgs),
    /// Send a webhook a test event, and show what comes of it
    Test(TestArgs),
}

/// Which webhook.
#[derive(Debug, Args)]
pub(crate) struct WebhookArg {
    /// Id of the webhook
    webhook: String,
}

#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// Where events are sent, such as <https://billing.example.com/berth>
    receiver: String,

    /// Which events: kinds such as user.create, families such as user.*, or * for everything; may be given several
    /// times. Everything if absent
    #[arg(long = "event", value_name = "KIND", value_delimiter = ',')]
    events: Vec<String>,

    /// What it is for
    #[arg(long)]
    note: Option<String>,

    #[command(flatten)]
    change: ChangeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RemoveArgs {
    #[command(flatten)]
    webhook: WebhookArg,

    #[command(flatten)]
    change: ChangeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DeliveriesArgs {
    #[command(flatten)]
    webhook: WebhookArg,

    /// Only in this state
    #[arg(long, value_parser = ["waiting", "delivered", "dead"])]
    state: Option<String>,

    #[command(flatten)]
    page: PageArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    #[command(flatten)]
    webhook: WebhookArg,

    /// Id of the delivery
    delivery: String,

    #[command(flatten)]
    change: ChangeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    #[command(flatten)]
    webhook: WebhookArg,

    #[command(flatten)]
    change: ChangeArgs,
}

impl AddArgs {
    pub(super) fn body(&self) -> Value {
        object([
            ("url", Some(Value::from(self.receiver.clone()))),
            ("events", (!self.events.is_empty()).then(|| json!(self.events))),
            ("note", self.note.clone().map(Value::from)),
        ])
    }
}

impl WebhookCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Add(args) => add(session, args).await,
            Self::List => list(session).await,
            Self::Show(args) => {
                let answer = session.send(Request::get(&["webhooks", &args.webhook])).await?;
                let webhook: WebhookView = decode(&answer)?;
                session.console.answer(&answer, || webhook_sheet(&webhook));
                Ok(())
            }
            Self::Remove(args) => {
                let request = Request::delete(&["webhooks", &args.webhook.webhook]);
                if let Some(answer) = args.change.send(session, request).await? {
                    session
                        .console
                        .answer(&answer, || format!("webhook {} is removed", args.webhook.webhook));
                }
                Ok(())
            }
            Self::Deliveries(args) => deliveries(session, args).await,
            Self::Replay(args) => {
                let webhook = &args.webhook.webhook;
                let request =
                    Request::post(&["webhooks", webhook, "deliveries", &args.delivery, "replay"], json!({}));
                followed(session, webhook, &args.change, request).await
            }
            Self::Test(args) => {
                let webhook = &args.webhook.webhook;
                let request = Request::post(&["webhooks", webhook, "test"], json!({}));
                followed(session, webhook, &args.change, request).await
            }
        }
    }
}

async fn add(session: &Session, args: AddArgs) -> Result<(), Failure> {
    let request = Request::post(&["webhooks"], args.body());
    if let Some(answer) = args.change.send(session, request).await? {
        let created: CreatedWebhook = decode(&answer)?;
        session.console.answer(&answer, || {
            let shown = webhook_sheet(&created.webhook);
            format!("{shown}\n\nsecret  {}\nIt is shown this once.", created.secret)
        });
    }
    Ok(())
}

async fn list(session: &Session) -> Result<(), Failure> {
    pages::whole::<WebhookView>(session, Request::get(&["webhooks"]), |webhooks| {
        table(
            ["ID", "URL", "EVENTS", "WAITING", "FAILURES", "NOTE"],
            webhooks.iter().map(|webhook| {
                [
                    webhook.id.to_string(),
                    webhook.url.to_string(),
                    events(webhook),
                    webhook.waiting.to_string(),
                    webhook.failures.to_string(),
                    cell(webhook.note.as_ref()),
                ]
            }),
        )
    })
    .await
}

async fn deliveries(session: &Session, args: DeliveriesArgs) -> Result<(), Failure> {
    let request = Request::get(&["webhooks", &args.webhook.webhook, "deliveries"]).query("state", args.state);
    pages::show::<DeliveryView>(session, request, &args.page, |deliveries| {
        table(
            ["ID", "AT", "KIND", "STATE", "ATTEMPTS", "STATUS", "NEXT", "PROBLEM"],
            deliveries.iter().map(|delivery| {
                [
                    delivery.id.to_string(),
                    delivery.created_at.format("%F %T").to_string(),
                    delivery.kind.clone(),
                    delivery.state.as_str().to_owned(),
                    delivery.attempts.to_string(),
                    cell(delivery.status),
                    cell(delivery.due_at.map(|at| at.format("%F %T"))),
                    cell(delivery.problem.as_ref()),
                ]
            }),
        )
    })
    .await
}

/// How long to look for what comes of a delivery; an attempt takes no longer.
const PATIENCE: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Begins a delivery and shows what has come of its first attempt.
async fn followed(
    session: &Session,
    webhook: &str,
    change: &ChangeArgs,
    request: Request,
) -> Result<(), Failure> {
    let Some(mut answer) = change.send(session, request).await? else { return Ok(()) };
    let begun: DeliveryView = decode(&answer)?;
    let id = begun.id.to_string();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let last = loop {
        let now: DeliveryView = decode(&answer)?;
        // What was tried before it was begun anew does not count.
        let tried = now.state != DeliveryState::Waiting || now.tried_at > begun.tried_at;
        if tried || tokio::time::Instant::now() >= deadline {
            break now;
        }
        tokio::time::sleep(LOOK_EVERY).await;
        answer = session.send(Request::get(&["webhooks", webhook, "deliveries", &id])).await?;
    };
    session.console.answer(&answer, || {
        sheet([
            ("id", Some(last.id.to_string())),
            ("event", Some(format!("{} {}", last.kind, last.event))),
            ("state", Some(last.state.as_str().to_owned())),
            ("attempts", Some(last.attempts.to_string())),
            ("status", last.status.map(|status| status.to_string())),
            ("problem", last.problem.clone()),
            ("next attempt", last.due_at.map(|at| at.format("%F %T UTC").to_string())),
        ])
    });
    Ok(())
}

fn webhook_sheet(webhook: &WebhookView) -> String {
    sheet([
        ("id", Some(webhook.id.to_string())),
        ("url", Some(webhook.url.to_string())),
        ("events", Some(events(webhook))),
        ("note", webhook.note.as_ref().map(ToString::to_string)),
        ("waiting", Some(webhook.waiting.to_string())),
        ("failures", Some(webhook.failures.to_string())),
        ("rests until", webhook.rests_until.map(|at| at.format("%F %T UTC").to_string())),
    ])
}

fn events(webhook: &WebhookView) -> String {
    webhook.events.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}
