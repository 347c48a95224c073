//! Who is told of events, and what is on its way to them.

pub(crate) mod deliveries;

use berth_core::egress::Note;
use berth_core::event::EventPattern;
use berth_core::id::WebhookId;
use berth_core::webhook::WebhookUrl;
use chrono::{DateTime, Utc};
use uuid::Uuid;

pub use deliveries::{
    Claimed, DeliveryFilter, DeliveryRecord, by_id as delivery, claim, deliver, is_due, page as deliveries,
    replay, settle,
};

use crate::value::{from_json, micros, moment, parsed, parsed_optional, signed, to_json, unsigned};
use crate::{Result, StoreError, Tx};

macro_rules! webhook_columns {
    () => {
        "w.id, w.url, w.patterns, w.note, w.created_at, w.failures, w.rests_until, \
         (SELECT count(*) FROM webhook_deliveries d WHERE d.webhook_id = w.id AND d.state = 'waiting') \
         AS waiting FROM webhooks w"
    };
}

statements! {
    INSERT => [
        "INSERT INTO webhooks (id, url, patterns, note, secret, created_at, failures, rests_until) \
         VALUES ($1, $2, $3, $4, $5, $6, 0, 0)"
    ];
    ALL => [concat!("SELECT ", webhook_columns!(), " ORDER BY w.created_at, w.id")];
    BY_ID => [concat!("SELECT ", webhook_columns!(), " WHERE w.id = $1")];
    PATTERNS => ["SELECT id, patterns FROM webhooks ORDER BY id"];
    SECRET => ["SELECT secret FROM webhooks WHERE id = $1"];
    DELETE => ["DELETE FROM webhooks WHERE id = $1"];
    REST => ["UPDATE webhooks SET failures = $2, rests_until = $3 WHERE id = $1"];
}

/// A webhook as stored. Its sealed secret is not part of it; see [`sealed_secret`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookRecord {
    /// The webhook.
    pub id: WebhookId,
    /// Where events are sent.
    pub url: WebhookUrl,
    /// Which events.
    pub events: Vec<EventPattern>,
    /// What it is for.
    pub note: Option<Note>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// Attempts in a row that failed.
    pub failures: u64,
    /// Until when nothing is sent.
    pub rests_until: DateTime<Utc>,
    /// Deliveries that wait.
    pub waiting: u64,
}

/// Stores a new webhook with its sealed secret.
pub async fn insert(tx: &mut Tx, webhook: &WebhookRecord, sealed: &str) -> Result<()> {
    execute!(
        tx,
        INSERT,
        webhook.id.0,
        webhook.url.as_str(),
        to_json("patterns", &webhook.events)?,
        webhook.note.as_ref().map(Note::as_str),
        sealed,
        micros(webhook.created_at),
    )?;
    Ok(())
}

/// Every webhook, oldest first.
pub async fn list(tx: &mut Tx) -> Result<Vec<WebhookRecord>> {
    fetch_all!(tx, WebhookRow, ALL)?.into_iter().map(WebhookRecord::try_from).collect()
}

/// The webhook of an id.
pub async fn by_id(tx: &mut Tx, id: WebhookId) -> Result<Option<WebhookRecord>> {
    fetch_optional!(tx, WebhookRow, BY_ID, id.0)?.map(WebhookRecord::try_from).transpose()
}

/// Which events every webhook wants.
pub async fn patterns(tx: &mut Tx) -> Result<Vec<(WebhookId, Vec<EventPattern>)>> {
    fetch_all!(tx, (Uuid, String), PATTERNS)?
        .into_iter()
        .map(|(id, patterns)| Ok((WebhookId(id), from_json("patterns", &patterns)?)))
        .collect()
}

/// The sealed secret of a webhook.
pub async fn sealed_secret(tx: &mut Tx, id: WebhookId) -> Result<Option<String>> {
    fetch_optional_value!(tx, String, SECRET, id.0)
}

/// Removes a webhook with everything that is on its way to it; whether it was there.
pub async fn remove(tx: &mut Tx, id: WebhookId) -> Result<bool> {
    Ok(execute!(tx, DELETE, id.0)? > 0)
}

/// Notes how many attempts in a row have failed, and until when nothing is sent.
pub async fn rest(tx: &mut Tx, id: WebhookId, failures: u64, until: DateTime<Utc>) -> Result<()> {
    execute!(tx, REST, id.0, signed(failures), micros(until))?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct WebhookRow {
    id: Uuid,
    url: String,
    patterns: String,
    note: Option<String>,
    created_at: i64,
    failures: i64,
    rests_until: i64,
    waiting: i64,
}

impl TryFrom<WebhookRow> for WebhookRecord {
    type Error = StoreError;

    fn try_from(row: WebhookRow) -> Result<Self> {
        Ok(Self {
            id: WebhookId(row.id),
            url: parsed("webhook address", &row.url)?,
            events: from_json("patterns", &row.patterns)?,
            note: parsed_optional("note", row.note.as_deref())?,
            created_at: moment(row.created_at)?,
            failures: unsigned(row.failures),
            rests_until: moment(row.rests_until)?,
            waiting: unsigned(row.waiting),
        })
    }
}
