//! Events on their way: one row for each webhook that wants one, sent by a task that takes rows for a while.

use berth_core::id::{DeliveryId, EventId, WebhookId};
use berth_core::view::Page;
use berth_core::webhook::DeliveryState;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::events::place;
use crate::filter::{Bound, Filter, fetch_filtered};
use crate::value::{micros, moment, moment_optional, parsed, unsigned};
use crate::{Result, Statement, StoreError, Tx};

macro_rules! delivery_columns {
    () => {
        "d.id, d.webhook_id, d.event_id, e.kind, d.state, d.attempts, d.created_at, d.since, d.due_at, \
         d.tried_at, d.status, d.problem FROM webhook_deliveries d JOIN events e ON e.id = d.event_id"
    };
}

macro_rules! claim {
    ($lock:literal) => {
        concat!(
            "UPDATE webhook_deliveries SET due_at = $2, attempts = attempts + 1 WHERE id IN \
             (SELECT d.id FROM webhook_deliveries d JOIN webhooks w ON w.id = d.webhook_id \
             WHERE d.state = 'waiting' AND d.due_at <= $1 AND w.rests_until <= $1 \
             ORDER BY d.due_at, d.id LIMIT $3",
            $lock,
            ") RETURNING id, webhook_id, event_id, attempts, since"
        )
    };
}

statements! {
    INSERT => [
        "INSERT INTO webhook_deliveries (id, webhook_id, event_id, state, attempts, created_at, since, due_at) \
         VALUES ($1, $2, $3, 'waiting', 0, $4, $4, $4) ON CONFLICT (event_id, webhook_id) DO NOTHING"
    ];
    BY_ID => [concat!("SELECT ", delivery_columns!(), " WHERE d.id = $1 AND d.webhook_id = $2")];
    IS_DUE => [
        "SELECT EXISTS (SELECT 1 FROM webhook_deliveries d JOIN webhooks w ON w.id = d.webhook_id \
         WHERE d.state = 'waiting' AND d.due_at <= $1 AND w.rests_until <= $1)"
    ];
    CLAIM => [claim!(""), claim!(" FOR UPDATE OF d SKIP LOCKED")];
    SETTLE => [
        "UPDATE webhook_deliveries SET state = $2, due_at = $3, tried_at = $4, status = $5, problem = $6 \
         WHERE id = $1 AND attempts = $7 AND state = 'waiting'"
    ];
    REPLAY => [
        "UPDATE webhook_deliveries SET state = 'waiting', attempts = 0, since = $2, due_at = $2 WHERE id = $1"
    ];
}

/// A delivery as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// The delivery.
    pub id: DeliveryId,
    /// Where it goes.
    pub webhook: WebhookId,
    /// What is sent.
    pub event: EventId,
    /// The kind of that event.
    pub kind: String,
    /// How far it is.
    pub state: DeliveryState,
    /// How often it was tried since it was last begun.
    pub attempts: u64,
    /// When the event happened.
    pub created_at: DateTime<Utc>,
    /// When it was begun, or begun anew.
    pub since: DateTime<Utc>,
    /// When it is tried next, while it waits.
    pub due_at: DateTime<Utc>,
    /// When it was tried last.
    pub tried_at: Option<DateTime<Utc>>,
    /// The HTTP status of the last answer.
    pub status: Option<u16>,
    /// Why the last attempt failed.
    pub problem: Option<String>,
}

/// A delivery that the caller has alone for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claimed {
    /// The delivery.
    pub id: DeliveryId,
    /// Where it goes.
    pub webhook: WebhookId,
    /// What is sent.
    pub event: EventId,
    /// How often it has been tried, this time included.
    pub attempts: u64,
    /// When it was begun.
    pub since: DateTime<Utc>,
}

/// Which deliveries of a webhook a page holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryFilter {
    /// The webhook.
    pub webhook: WebhookId,
    /// Only in this state.
    pub state: Option<DeliveryState>,
}

/// Has an event sent to a webhook, due at once; nothing if it is on its way there already.
pub async fn deliver(
    tx: &mut Tx,
    id: DeliveryId,
    webhook: WebhookId,
    event: EventId,
    at: DateTime<Utc>,
) -> Result<bool> {
    Ok(execute!(tx, INSERT, id.0, webhook.0, event.0, micros(at))? > 0)
}

/// A delivery of a webhook.
pub async fn by_id(tx: &mut Tx, webhook: WebhookId, id: DeliveryId) -> Result<Option<DeliveryRecord>> {
    fetch_optional!(tx, DeliveryRow, BY_ID, id.0, webhook.0)?.map(DeliveryRecord::try_from).transpose()
}

/// Whether anything is to be sent now.
pub async fn is_due(tx: &mut Tx, now: DateTime<Utc>) -> Result<bool> {
    fetch_value!(tx, bool, IS_DUE, micros(now))
}

/// Takes deliveries that are due. Nobody else gets them before `until`; a worker that dies loses none.
pub async fn claim(
    tx: &mut Tx,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
    limit: u32,
) -> Result<Vec<Claimed>> {
    fetch_all!(tx, (Uuid, Uuid, Uuid, i64, i64), CLAIM, micros(now), micros(until), i64::from(limit))?
        .into_iter()
        .map(|(id, webhook, event, attempts, since)| {
            Ok(Claimed {
                id: DeliveryId(id),
                webhook: WebhookId(webhook),
                event: EventId(event),
                attempts: unsigned(attempts),
                since: moment(since)?,
            })
        })
        .collect()
}

/// What has come of an attempt, unless somebody else has tried meanwhile.
pub async fn settle(
    tx: &mut Tx,
    claimed: &Claimed,
    state: DeliveryState,
    due: DateTime<Utc>,
    tried: DateTime<Utc>,
    status: Option<u16>,
    problem: Option<&str>,
) -> Result<bool> {
    let attempts = i64::try_from(claimed.attempts).unwrap_or(i64::MAX);
    let status = status.map(i64::from);
    let changed = execute!(
        tx,
        SETTLE,
        claimed.id.0,
        state.as_str(),
        micros(due),
        micros(tried),
        status,
        problem,
        attempts
    )?;
    Ok(changed > 0)
}

/// Begins a delivery anew.
pub async fn replay(tx: &mut Tx, id: DeliveryId, now: DateTime<Utc>) -> Result<()> {
    execute!(tx, REPLAY, id.0, micros(now))?;
    Ok(())
}

/// One page, newest first. The cursor is the place of the last one before the page.
pub async fn page(
    tx: &mut Tx,
    filter: DeliveryFilter,
    cursor: Option<&str>,
    limit: u32,
) -> Result<Page<DeliveryRecord>> {
    let before = cursor.map(place).transpose()?;
    let size = usize::try_from(limit).unwrap_or(usize::MAX);
    let (sql, values) = statement(filter, before, i64::from(limit) + 1);
    let rows = fetch_filtered!(tx, DeliveryRow, "webhooks::deliveries", sql, values)?;
    let more = rows.len() > size;
    let last = rows.get(size.saturating_sub(1)).filter(|_| more);
    let next = last.map(|row| format!("{}.{}", row.created_at, row.id));
    let items = rows.into_iter().take(size).map(DeliveryRecord::try_from).collect::<Result<Vec<_>>>()?;
    Ok(Page { items, next })
}

fn statement(filter: DeliveryFilter, before: Option<(i64, Uuid)>, limit: i64) -> (String, Vec<Bound>) {
    let mut where_clause = Filter::default();
    where_clause.add("d.webhook_id = ?", Bound::Id(filter.webhook.0));
    if let Some(state) = filter.state {
        where_clause.add("d.state = ?", Bound::Text(state.as_str().to_owned()));
    }
    if let Some((at, id)) = before {
        where_clause.add_two("(d.created_at, d.id) < (?1, ?2)", Bound::Number(at), Bound::Id(id));
    }
    let clause = where_clause.clause();
    let limit = where_clause.bind(Bound::Number(limit));
    (
        format!(
            concat!("SELECT ", delivery_columns!(), "{} ORDER BY d.created_at DESC, d.id DESC LIMIT {}"),
            clause, limit
        ),
        where_clause.values,
    )
}

/// The statement without and with every condition; each is independent of the others.
pub(crate) fn every_statement() -> Vec<Statement> {
    let plain = DeliveryFilter { webhook: WebhookId(Uuid::nil()), state: None };
    let full = DeliveryFilter { state: Some(DeliveryState::Dead), ..plain };
    [statement(plain, None, 1), statement(full, Some((0, Uuid::nil())), 1)]
        .into_iter()
        .map(|(sql, _)| Statement {
            name: "webhooks::deliveries",
            sqlite: sql.clone().into(),
            postgres: sql.into(),
        })
        .collect()
}

#[derive(sqlx::FromRow)]
struct DeliveryRow {
    id: Uuid,
    webhook_id: Uuid,
    event_id: Uuid,
    kind: String,
    state: String,
    attempts: i64,
    created_at: i64,
    since: i64,
    due_at: i64,
    tried_at: Option<i64>,
    status: Option<i64>,
    problem: Option<String>,
}

impl TryFrom<DeliveryRow> for DeliveryRecord {
    type Error = StoreError;

    fn try_from(row: DeliveryRow) -> Result<Self> {
        Ok(Self {
            id: DeliveryId(row.id),
            webhook: WebhookId(row.webhook_id),
            event: EventId(row.event_id),
            kind: row.kind,
            state: parsed("state of a delivery", &row.state)?,
            attempts: unsigned(row.attempts),
            created_at: moment(row.created_at)?,
            since: moment(row.since)?,
            due_at: moment(row.due_at)?,
            tried_at: moment_optional(row.tried_at)?,
            status: row.status.and_then(|status| u16::try_from(status).ok()),
            problem: row.problem,
        })
    }
}
