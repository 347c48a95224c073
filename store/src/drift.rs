//! What somebody else had changed on nodes.

use berth_core::condition::Resource;
use berth_core::drift::{Cause, DriftReport, DriftState};
use berth_core::id::{AccountId, DriftId, NodeId};
use berth_core::name::Username;
use berth_core::view::Page;
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::filter::{Bound, Filter, fetch_filtered};
use crate::value::{micros, moment, moment_optional, parsed, parsed_optional};
use crate::{Result, Statement, StoreError, Tx};

/// How long drift is kept.
const KEPT: TimeDelta = TimeDelta::days(90);

macro_rules! drift_columns {
    () => {
        "d.id, d.node_id, d.account_id, a.username, d.resource, d.object, d.found, d.made, d.seen_at, \
         d.right_at, d.cause, d.evidence, d.state, d.decided_at, d.decided_by \
         FROM drift d LEFT JOIN accounts a ON a.id = d.account_id"
    };
}

statements! {
    INSERT => [
        "INSERT INTO drift (id, node_id, account_id, resource, object, found, made, seen_at, right_at, cause, \
         evidence, state) \
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'repaired' \
         WHERE $3 IS NULL OR EXISTS (SELECT 1 FROM accounts WHERE id = $3 AND node_id = $2) \
         ON CONFLICT (id) DO NOTHING",
        "INSERT INTO drift (id, node_id, account_id, resource, object, found, made, seen_at, right_at, cause, \
         evidence, state) \
         SELECT $1::uuid, $2::uuid, $3::uuid, $4, $5, $6, $7, $8::bigint, $9::bigint, $10, $11, 'repaired' \
         WHERE $3::uuid IS NULL OR EXISTS (SELECT 1 FROM accounts WHERE id = $3::uuid AND node_id = $2::uuid) \
         ON CONFLICT (id) DO NOTHING",
    ];
    FORGET => ["DELETE FROM drift WHERE node_id = $1 AND seen_at < $2"];
    BY_ID => [concat!("SELECT ", drift_columns!(), " WHERE d.id = $1 AND d.node_id = $2")];
    DECIDE => ["UPDATE drift SET state = $2, decided_at = $3, decided_by = $4 WHERE id = $1"];
}

/// Drift as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriftRecord {
    /// What the node said.
    pub report: DriftReport,
    /// The node.
    pub node: NodeId,
    /// Name of the account.
    pub username: Option<Username>,
    /// What has become of it.
    pub state: DriftState,
    /// When somebody decided that.
    pub decided_at: Option<DateTime<Utc>>,
    /// Who, for people.
    pub decided_by: Option<String>,
}

/// Which drift a page holds; every part narrows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriftFilter {
    /// The node.
    pub node: NodeId,
    /// Only of this account.
    pub account: Option<AccountId>,
    /// Only in this state.
    pub state: Option<DriftState>,
}

/// Stores what a node says, once however often it says it, and forgets what is old. What is about another
/// node's account is not stored.
pub async fn store(tx: &mut Tx, node: NodeId, reports: &[DriftReport], now: DateTime<Utc>) -> Result<()> {
    for report in reports {
        execute!(
            tx,
            INSERT,
            report.id.0,
            node.0,
            report.account.map(|account| account.0),
            report.resource.map(Resource::as_str),
            &report.object,
            report.found.as_deref(),
            report.made.as_deref(),
            micros(report.seen_at),
            report.right_at.map(micros),
            report.cause.as_str(),
            &report.evidence,
        )?;
    }
    if !reports.is_empty() {
        execute!(tx, FORGET, node.0, micros(now - KEPT))?;
    }
    Ok(())
}

/// The drift of an id on a node.
pub async fn by_id(tx: &mut Tx, node: NodeId, id: DriftId) -> Result<Option<DriftRecord>> {
    fetch_optional!(tx, DriftRow, BY_ID, id.0, node.0)?.map(DriftRecord::try_from).transpose()
}

/// Stores what somebody has decided.
pub async fn decide(tx: &mut Tx, id: DriftId, state: DriftState, by: &str, at: DateTime<Utc>) -> Result<()> {
    execute!(tx, DECIDE, id.0, state.as_str(), micros(at), by)?;
    Ok(())
}

/// One page, newest first. The cursor is the place of the last one before the page.
pub async fn page(
    tx: &mut Tx,
    filter: &DriftFilter,
    cursor: Option<&str>,
    limit: u32,
) -> Result<Page<DriftRecord>> {
    let before = cursor.map(place).transpose()?;
    let size = usize::try_from(limit).unwrap_or(usize::MAX);
    let (sql, values) = statement(filter, before, i64::from(limit) + 1);
    let rows = fetch_filtered!(tx, DriftRow, "drift::page", sql, values)?;
    let more = rows.len() > size;
    let next =
        rows.get(size.saturating_sub(1)).filter(|_| more).map(|row| format!("{}.{}", row.seen_at, row.id));
    let items = rows.into_iter().take(size).map(DriftRecord::try_from).collect::<Result<Vec<_>>>()?;
    Ok(Page { items, next })
}

fn place(cursor: &str) -> Result<(i64, Uuid)> {
    let read = || {
        let (at, id) = cursor.split_once('.')?;
        Some((at.parse().ok()?, id.parse().ok()?))
    };
    read().ok_or(StoreError::CursorInvalid)
}

fn statement(filter: &DriftFilter, before: Option<(i64, Uuid)>, limit: i64) -> (String, Vec<Bound>) {
    let mut where_clause = Filter::default();
    where_clause.add("d.node_id = ?", Bound::Id(filter.node.0));
    if let Some(account) = filter.account {
        where_clause.add("d.account_id = ?", Bound::Id(account.0));
    }
    if let Some(state) = filter.state {
        where_clause.add("d.state = ?", Bound::Text(state.as_str().to_owned()));
    }
    if let Some((at, id)) = before {
        where_clause.add_two("(d.seen_at, d.id) < (?1, ?2)", Bound::Number(at), Bound::Id(id));
    }
    let clause = where_clause.clause();
    let limit = where_clause.bind(Bound::Number(limit));
    let columns = drift_columns!();
    (
        format!("SELECT {columns}{clause} ORDER BY d.seen_at DESC, d.id DESC LIMIT {limit}"),
        where_clause.values,
    )
}

/// The statement without and with every condition; each is independent of the others.
pub(crate) fn every_statement() -> Vec<Statement> {
    let node = NodeId(Uuid::nil());
    let plain = DriftFilter { node, account: None, state: None };
    let full = DriftFilter { node, account: Some(AccountId(Uuid::nil())), state: Some(DriftState::Repaired) };
    [statement(&plain, None, 1), statement(&full, Some((0, Uuid::nil())), 1)]
        .into_iter()
        .map(|(sql, _)| Statement { name: "drift::page", sqlite: sql.clone().into(), postgres: sql.into() })
        .collect()
}

#[derive(sqlx::FromRow)]
struct DriftRow {
    id: Uuid,
    node_id: Uuid,
    account_id: Option<Uuid>,
    username: Option<String>,
    resource: Option<String>,
    object: String,
    found: Option<String>,
    made: Option<String>,
    seen_at: i64,
    right_at: Option<i64>,
    cause: String,
    evidence: String,
    state: String,
    decided_at: Option<i64>,
    decided_by: Option<String>,
}

impl TryFrom<DriftRow> for DriftRecord {
    type Error = StoreError;

    fn try_from(row: DriftRow) -> Result<Self> {
        Ok(Self {
            report: DriftReport {
                id: DriftId(row.id),
                account: row.account_id.map(AccountId),
                resource: parsed_optional::<Resource>("resource", row.resource.as_deref())?,
                object: row.object,
                found: row.found,
                made: row.made,
                seen_at: moment(row.seen_at)?,
                right_at: moment_optional(row.right_at)?,
                cause: parsed::<Cause>("cause of drift", &row.cause)?,
                evidence: row.evidence,
            },
            node: NodeId(row.node_id),
            username: parsed_optional("username", row.username.as_deref())?,
            state: parsed::<DriftState>("state of drift", &row.state)?,
            decided_at: moment_optional(row.decided_at)?,
            decided_by: row.decided_by,
        })
    }
}
