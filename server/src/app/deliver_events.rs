use std::sync::Arc;

use berth_core::webhook::{DeliveryState, next_attempt, rest_after};
use berth_store::webhooks::{self, Claimed};
use berth_store::{StoreError, events};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use zeroize::Zeroizing;

use super::add_webhook::secret_place;
use super::context::App;
use super::problem::{Failure, retrying};
use super::view::event_view;
use crate::network::Post;
use crate::secret::signature;

/// Deliveries that are under way side by side.
const AT_ONCE: u32 = 16;
/// For how long nobody else sends them; longer than any attempt takes.
const LEASE: TimeDelta = TimeDelta::minutes(2);

/// What goes out, and where to.
struct Letter {
    post: Post,
    secret: Zeroizing<Vec<u8>>,
}

/// Sends events to webhooks whose turn it is; how many there were.
///
/// # Errors
/// The database does not answer; what comes of a single delivery is noted with it.
pub async fn deliver_events(app: &Arc<App>) -> Result<usize, StoreError> {
    let now = app.clock.now();
    if !webhooks::is_due(&mut app.store.read().await?, now).await? {
        return Ok(0);
    }
    let mut tx = app.store.begin().await?;
    let due = webhooks::claim(&mut tx, now, now + LEASE, AT_ONCE).await?;
    tx.commit().await?;
    join_all(due.iter().map(|claimed| deliver_one(app, claimed))).await;
    Ok(due.len())
}

async fn deliver_one(app: &Arc<App>, claimed: &Claimed) {
    let done: Result<(), berth_core::Problems> = async {
        let letter = retrying!(app, write(app, claimed))?;
        let Some(letter) = letter else { return Ok(()) };
        let sent = match letter {
            Ok(letter) => send(app, claimed, letter).await,
            Err(why) => Err((None, why)),
        };
        retrying!(app, settle(app, claimed, &sent))
    }
    .await;
    if let Err(problems) = done {
        tracing::warn!(delivery = %claimed.id, %problems, "what came of a delivery could not be stored; it is sent again");
    }
}

/// What is sent; why it can't be, if it can't; nothing if the webhook is gone meanwhile.
async fn write(app: &App, claimed: &Claimed) -> Result<Option<Result<Letter, String>>, Failure> {
    let mut tx = app.store.read().await?;
    let Some(webhook) = webhooks::by_id(&mut tx, claimed.webhook).await? else { return Ok(None) };
    let Some(event) = events::by_id(&mut tx, claimed.event).await? else { return Ok(None) };
    let Some(sealed) = webhooks::sealed_secret(&mut tx, claimed.webhook).await? else { return Ok(None) };
    let secret = match app.keyring.open(&sealed, &secret_place(claimed.webhook)) {
        Ok(secret) => secret,
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the secret of a webhook does not open"
            );
            return Ok(Some(Err("its secret does not open with the keyring".to_owned())));
        }
    };
    if !app.settings.webhooks.allow_http && !webhook.url.is_encrypted() {
        return Ok(Some(Err("it is not encrypted, which this installation asks for".to_owned())));
    }
    let kind = event.kind.clone();
    let body = serde_json::to_string(&event_view(event)).unwrap_or_default();
    let post = Post {
        url: webhook.url,
        headers: vec![("berth-event", kind), ("berth-delivery", claimed.id.to_string())],
        body,
        allow_private: app.settings.webhooks.allow_private,
    };
    Ok(Some(Ok(Letter { post, secret })))
}

/// The status of the answer, or why there is none, or none that counts.
async fn send(app: &App, claimed: &Claimed, letter: Letter) -> Result<u16, (Option<u16>, String)> {
    let Letter { mut post, secret } = letter;
    // The moment is that of the attempt, so that a receiver can refuse what was recorded and sent again.
    let signed = signature::header(&secret, app.clock.now(), &post.body);
    post.headers.push((signature::HEADER, signed));
    let kind = post.headers.first().map(|(_, kind)| kind.clone()).unwrap_or_default();
    match app.network.post(&post).await {
        Ok(status) if (200..300).contains(&status) => {
            tracing::debug!(delivery = %claimed.id, kind, status, "delivered");
            Ok(status)
        }
        Ok(status) => Err((Some(status), format!("the receiver answered {status}"))),
        Err(error) => Err((None, error.to_string())),
    }
}

async fn settle(
    app: &App,
    claimed: &Claimed,
    sent: &Result<u16, (Option<u16>, String)>,
) -> Result<(), Failure> {
    let now = app.clock.now();
    let mut tx = app.store.begin().await?;
    let Some(webhook) = webhooks::by_id(&mut tx, claimed.webhook).await? else { return Ok(()) };
    match sent {
        Ok(status) => {
            let state = DeliveryState::Delivered;
            webhooks::settle(&mut tx, claimed, state, now, now, Some(*status), None).await?;
            if webhook.failures > 0 {
                webhooks::rest(&mut tx, webhook.id, 0, DateTime::UNIX_EPOCH).await?;
            }
        }
        Err((status, why)) => {
            let next = again(app, claimed, now);
            let state = if next.is_some() { DeliveryState::Waiting } else { DeliveryState::Dead };
            let why: String = why.chars().filter(|c| !c.is_control()).take(500).collect();
            let counted =
                webhooks::settle(&mut tx, claimed, state, next.unwrap_or(now), now, *status, Some(&why))
                    .await?;
            if counted {
                let failures = webhook.failures.saturating_add(1);
                webhooks::rest(&mut tx, webhook.id, failures, now + rest_after(failures)).await?;
            }
        }
    }
    Ok(tx.commit().await?)
}

fn again(app: &App, claimed: &Claimed, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let mut spread = [0];
    app.randomness.fill(&mut spread);
    next_attempt(claimed.since, claimed.attempts, spread[0], now)
}
