//! Pages of the audit log, newest first.

use berth_core::audit::{AuditEntry, AuditOutcome};
use berth_core::id::UserId;
use berth_core::view::Page;
use chrono::{DateTime, Utc};

use super::AuditRow;
use crate::filter::{Bound, Filter, fetch_filtered};
use crate::value::micros;
use crate::{Result, Statement, StoreError, Tx};

/// Which entries a page holds; every part narrows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditFilter {
    /// Only about this user.
    pub user: Option<UserId>,
    /// Only this action, such as `user.create`.
    pub action: Option<String>,
    /// Only with exactly this subject.
    pub subject: Option<String>,
    /// Only done, or only refused.
    pub outcome: Option<AuditOutcome>,
    /// Only from this moment on.
    pub since: Option<DateTime<Utc>>,
    /// Only before this moment.
    pub until: Option<DateTime<Utc>>,
}

/// An entry at its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// Its place.
    pub sequence: i64,
    /// The entry.
    pub entry: AuditEntry,
    /// Its hash.
    pub hash: String,
}

/// One page of the log, newest first. The cursor is the place of the last entry before the page.
pub async fn page(
    tx: &mut Tx,
    filter: &AuditFilter,
    cursor: Option<&str>,
    limit: u32,
) -> Result<Page<AuditRecord>> {
    let before = cursor
        .map(|cursor| cursor.parse::<i64>().ok().filter(|place| *place > 0).ok_or(StoreError::CursorInvalid))
        .transpose()?;
    let size = usize::try_from(limit).unwrap_or(usize::MAX);
    let (sql, values) = statement(filter, before, i64::from(limit) + 1);
    let rows = fetch_filtered!(tx, AuditRow, "audit::page", sql, values)?;
    let more = rows.len() > size;
    let items = rows
        .into_iter()
        .take(size)
        .map(|row| Ok(AuditRecord { sequence: row.sequence, entry: row.entry()?, hash: row.hash }))
        .collect::<Result<Vec<_>>>()?;
    let next = items.last().filter(|_| more).map(|last| last.sequence.to_string());
    Ok(Page { items, next })
}

fn statement(filter: &AuditFilter, before: Option<i64>, limit: i64) -> (String, Vec<Bound>) {
    let mut where_clause = Filter::default();
    if let Some(user) = filter.user {
        where_clause.add("user_id = ?", Bound::Id(user.0));
    }
    if let Some(action) = &filter.action {
        where_clause.add("action = ?", Bound::Text(action.clone()));
    }
    if let Some(subject) = &filter.subject {
        where_clause.add("subject = ?", Bound::Text(subject.clone()));
    }
    if let Some(outcome) = filter.outcome {
        where_clause.add("outcome = ?", Bound::Text(outcome.as_str().to_owned()));
    }
    if let Some(since) = filter.since {
        where_clause.add("at >= ?", Bound::Number(micros(since)));
    }
    if let Some(until) = filter.until {
        where_clause.add("at < ?", Bound::Number(micros(until)));
    }
    if let Some(before) = before {
        where_clause.add("sequence < ?", Bound::Number(before));
    }
    let clause = where_clause.clause();
    let limit = where_clause.bind(Bound::Number(limit));
    (
        format!(
            "SELECT sequence, at, actor, actor_label, action, subject, user_id, outcome, request, detail, hash \
             FROM audit_log{clause} ORDER BY sequence DESC LIMIT {limit}"
        ),
        where_clause.values,
    )
}

/// The statement without and with every condition; each is independent of the others.
pub(crate) fn every_statement() -> Vec<Statement> {
    let full = AuditFilter {
        user: Some(UserId(uuid::Uuid::nil())),
        action: Some(String::new()),
        subject: Some(String::new()),
        outcome: Some(AuditOutcome::Done),
        since: Some(DateTime::UNIX_EPOCH),
        until: Some(DateTime::UNIX_EPOCH),
    };
    [statement(&AuditFilter::default(), None, 1), statement(&full, Some(1), 1)]
        .into_iter()
        .map(|(sql, _)| Statement { name: "audit::page", sqlite: sql.clone().into(), postgres: sql.into() })
        .collect()
}
