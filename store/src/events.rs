//! What has happened.

use berth_core::id::{EventId, UserId};
use berth_core::view::Page;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::filter::{Bound, Filter, fetch_filtered};
use crate::value::{from_json, micros, moment, to_json};
use crate::{Result, Statement, StoreError, Tx};

/// How long events are kept.
const KEPT: TimeDelta = TimeDelta::days(90);

macro_rules! event_columns {
    () => {
        "e.id, e.at, e.kind, e.subject, e.user_id, e.actor, e.request, e.detail"
    };
}

statements! {
    INSERT => [
        "INSERT INTO events (id, at, kind, subject, user_id, actor, request, detail) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
    ];
    BY_ID => [concat!("SELECT ", event_columns!(), " FROM events e WHERE e.id = $1")];
    FORGET => ["DELETE FROM events WHERE at < $1"];
}

/// An event as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRecord {
    /// The event.
    pub id: EventId,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// What happened.
    pub kind: String,
    /// To what, for people.
    pub subject: String,
    /// The user concerned.
    pub user: Option<UserId>,
    /// Who did it, for people.
    pub actor: String,
    /// The request that it came with.
    pub request: Option<String>,
    /// Old and new values. Never a secret.
    pub detail: Value,
}

/// Which events a page holds; every part narrows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventFilter {
    /// Only about this user.
    pub user: Option<UserId>,
    /// Only of this kind.
    pub kind: Option<String>,
    /// Only of kinds that begin so, such as `user.`.
    pub family: Option<String>,
    /// Only with exactly this subject.
    pub subject: Option<String>,
    /// Only from this moment on.
    pub since: Option<DateTime<Utc>>,
    /// Only before this moment.
    pub until: Option<DateTime<Utc>>,
}

/// Stores an event, in the transaction of what has happened. Call [`crate::webhooks::deliver`] as well.
pub async fn insert(tx: &mut Tx, event: &EventRecord) -> Result<()> {
    execute!(
        tx,
        INSERT,
        event.id.0,
        micros(event.at),
        event.kind.as_str(),
        event.subject.as_str(),
        event.user.map(|user| user.0),
        event.actor.as_str(),
        event.request.as_deref(),
        to_json("detail", &event.detail)?,
    )?;
    Ok(())
}

/// The event of an id.
pub async fn by_id(tx: &mut Tx, id: EventId) -> Result<Option<EventRecord>> {
    fetch_optional!(tx, EventRow, BY_ID, id.0)?.map(EventRecord::try_from).transpose()
}

/// Forgets what is old, with its deliveries.
pub async fn forget(tx: &mut Tx, now: DateTime<Utc>) -> Result<u64> {
    execute!(tx, FORGET, micros(now - KEPT))
}

/// One page, newest first. The cursor is the place of the last one before the page.
pub async fn page(
    tx: &mut Tx,
    filter: &EventFilter,
    cursor: Option<&str>,
    limit: u32,
) -> Result<Page<EventRecord>> {
    let before = cursor.map(place).transpose()?;
    let size = usize::try_from(limit).unwrap_or(usize::MAX);
    let (sql, values) = statement(filter, before, i64::from(limit) + 1);
    let rows = fetch_filtered!(tx, EventRow, "events::page", sql, values)?;
    let more = rows.len() > size;
    let next = rows.get(size.saturating_sub(1)).filter(|_| more).map(|row| format!("{}.{}", row.at, row.id));
    let items = rows.into_iter().take(size).map(EventRecord::try_from).collect::<Result<Vec<_>>>()?;
    Ok(Page { items, next })
}

/// A place in a list by time: the moment and the id of the row before it.
pub(crate) fn place(cursor: &str) -> Result<(i64, Uuid)> {
    let read = || {
        let (at, id) = cursor.split_once('.')?;
        Some((at.parse().ok()?, id.parse().ok()?))
    };
    read().ok_or(StoreError::CursorInvalid)
}

fn statement(filter: &EventFilter, before: Option<(i64, Uuid)>, limit: i64) -> (String, Vec<Bound>) {
    let mut where_clause = Filter::default();
    if let Some(user) = filter.user {
        where_clause.add("e.user_id = ?", Bound::Id(user.0));
    }
    if let Some(kind) = &filter.kind {
        where_clause.add("e.kind = ?", Bound::Text(kind.clone()));
    }
    if let Some(family) = &filter.family {
        // Kinds are lower-case words and dots, so what begins so lies between the family and its last name.
        where_clause.add_two(
            "e.kind >= ?1 AND e.kind < ?2",
            Bound::Text(family.clone()),
            Bound::Text(format!("{family}~")),
        );
    }
    if let Some(subject) = &filter.subject {
        where_clause.add("e.subject = ?", Bound::Text(subject.clone()));
    }
    if let Some(since) = filter.since {
        where_clause.add("e.at >= ?", Bound::Number(micros(since)));
    }
    if let Some(until) = filter.until {
        where_clause.add("e.at < ?", Bound::Number(micros(until)));
    }
    if let Some((at, id)) = before {
        where_clause.add_two("(e.at, e.id) < (?1, ?2)", Bound::Number(at), Bound::Id(id));
    }
    let clause = where_clause.clause();
    let limit = where_clause.bind(Bound::Number(limit));
    (
        format!(
            concat!("SELECT ", event_columns!(), " FROM events e{} ORDER BY e.at DESC, e.id DESC LIMIT {}"),
            clause, limit
        ),
        where_clause.values,
    )
}

/// The statement without and with every condition; each is independent of the others.
pub(crate) fn every_statement() -> Vec<Statement> {
    let full = EventFilter {
        user: Some(UserId(Uuid::nil())),
        kind: Some(String::new()),
        family: Some(String::new()),
        subject: Some(String::new()),
        since: Some(DateTime::UNIX_EPOCH),
        until: Some(DateTime::UNIX_EPOCH),
    };
    [statement(&EventFilter::default(), None, 1), statement(&full, Some((0, Uuid::nil())), 1)]
        .into_iter()
        .map(|(sql, _)| Statement { name: "events::page", sqlite: sql.clone().into(), postgres: sql.into() })
        .collect()
}

#[derive(sqlx::FromRow)]
struct EventRow {
    id: Uuid,
    at: i64,
    kind: String,
    subject: String,
    user_id: Option<Uuid>,
    actor: String,
    request: Option<String>,
    detail: String,
}

impl TryFrom<EventRow> for EventRecord {
    type Error = StoreError;

    fn try_from(row: EventRow) -> Result<Self> {
        Ok(Self {
            id: EventId(row.id),
            at: moment(row.at)?,
            kind: row.kind,
            subject: row.subject,
            user: row.user_id.map(UserId),
            actor: row.actor,
            request: row.request,
            detail: from_json("event detail", &row.detail)?,
        })
    }
}
