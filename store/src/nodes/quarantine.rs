//! Orders to move left-over homes aside.

use berth_core::Problem;
use berth_core::id::{NodeId, QuarantineId};
use berth_core::link::QuarantineReport;
use berth_core::name::Username;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::inventory;
use crate::value::{from_json, micros, moment, moment_optional, parsed, to_json};
use crate::{Result, StoreError, Tx};

macro_rules! quarantine_columns {
    () => {
        "q.id, q.node_id, q.username, q.created_at, q.done_at, q.moved_to, q.problem"
    };
}

statements! {
    INSERT => ["INSERT INTO quarantines (id, node_id, username, created_at) VALUES ($1, $2, $3, $4)"];
    BY_ID => [concat!("SELECT ", quarantine_columns!(), " FROM quarantines q WHERE q.id = $1")];
    PENDING => [concat!(
        "SELECT ", quarantine_columns!(),
        " FROM quarantines q WHERE q.node_id = $1 AND q.done_at IS NULL ORDER BY q.created_at, q.id"
    )];
    FINISH => [
        "UPDATE quarantines SET done_at = $3, moved_to = $4, problem = $5 \
         WHERE id = $1 AND node_id = $2 AND done_at IS NULL RETURNING username"
    ];
}

/// An order as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuarantineRecord {
    /// The order.
    pub id: QuarantineId,
    /// The node.
    pub node: NodeId,
    /// The name of the home.
    pub username: Username,
    /// When it was given.
    pub created_at: DateTime<Utc>,
    /// When the node answered.
    pub done_at: Option<DateTime<Utc>>,
    /// Where the home is now.
    pub moved_to: Option<String>,
    /// Why it could not be moved.
    pub problem: Option<Problem>,
}

/// Stores an order. Conflict: [`QuarantinePending`](crate::Constraint::QuarantinePending).
pub async fn insert_quarantine(
    tx: &mut Tx,
    id: QuarantineId,
    node: NodeId,
    username: &Username,
    at: DateTime<Utc>,
) -> Result<()> {
    execute!(tx, INSERT, id.0, node.0, username.as_str(), micros(at))?;
    Ok(())
}

/// The order of an id.
pub async fn quarantine(tx: &mut Tx, id: QuarantineId) -> Result<Option<QuarantineRecord>> {
    fetch_optional!(tx, QuarantineRow, BY_ID, id.0)?.map(QuarantineRecord::try_from).transpose()
}

/// The orders that a node has not answered yet, oldest first.
pub async fn pending_quarantines(tx: &mut Tx, node: NodeId) -> Result<Vec<QuarantineRecord>> {
    fetch_all!(tx, QuarantineRow, PENDING, node.0)?.into_iter().map(QuarantineRecord::try_from).collect()
}

/// Stores a node's answer, and forgets the home if it has been moved; whether that is news.
pub async fn finish_quarantine(
    tx: &mut Tx,
    node: NodeId,
    report: &QuarantineReport,
    at: DateTime<Utc>,
) -> Result<bool> {
    let (moved_to, problem) = match &report.outcome {
        Ok(path) => (Some(path.as_str()), None),
        Err(problem) => (None, Some(to_json("problem", problem)?)),
    };
    let username = fetch_optional_value!(
        tx,
        String,
        FINISH,
        report.id.0,
        node.0,
        micros(at),
        moved_to,
        problem.as_deref()
    )?;
    let Some(username) = username else {
        return Ok(false);
    };
    if moved_to.is_some() {
        inventory::forget_home(tx, node, &parsed("username", &username)?).await?;
    }
    Ok(true)
}

#[derive(sqlx::FromRow)]
struct QuarantineRow {
    id: Uuid,
    node_id: Uuid,
    username: String,
    created_at: i64,
    done_at: Option<i64>,
    moved_to: Option<String>,
    problem: Option<String>,
}

impl TryFrom<QuarantineRow> for QuarantineRecord {
    type Error = StoreError;

    fn try_from(row: QuarantineRow) -> Result<Self> {
        Ok(Self {
            id: QuarantineId(row.id),
            node: NodeId(row.node_id),
            username: parsed("username", &row.username)?,
            created_at: moment(row.created_at)?,
            done_at: moment_optional(row.done_at)?,
            moved_to: row.moved_to,
            problem: row.problem.map(|text| from_json("problem", &text)).transpose()?,
        })
    }
}
