//! Servers: their generation counter, what their agents say, and what their agents are asked for.

pub(crate) mod inventory;
pub(crate) mod quarantine;

use berth_core::Problem;
use berth_core::id::NodeId;
use chrono::{DateTime, Utc};
use uuid::Uuid;

pub use inventory::{ForeignNames, foreign, foreign_account, set_inventory};
pub use quarantine::{
    QuarantineRecord, finish_quarantine, insert_quarantine, pending_quarantines, quarantine,
};

use crate::value::{from_json, micros, moment, moment_optional, signed, to_json, unsigned};
use crate::{Result, StoreError, Tx};

macro_rules! node_columns {
    () => {
        "n.id, n.name, n.generation, n.created_at, n.seen_at, n.agent_version, n.audit_requested, \
         n.audit_done, n.problems"
    };
}

macro_rules! overview {
    ($filter:literal) => {
        concat!(
            "SELECT ",
            node_columns!(),
            ", (SELECT count(*) FROM accounts a WHERE a.node_id = n.id) AS accounts, \
             (SELECT count(*) FROM accounts a WHERE a.node_id = n.id \
              AND a.generation <> a.observed_generation) AS provisioning, \
             (SELECT count(*) FROM account_conditions c JOIN accounts a ON a.id = c.account_id \
              WHERE a.node_id = n.id AND c.failed) AS failed \
             FROM nodes n",
            $filter,
            " ORDER BY n.name"
        )
    };
}

statements! {
    INSERT => [
        "INSERT INTO nodes (id, name, created_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING"
    ];
    BY_ID => [concat!("SELECT ", node_columns!(), " FROM nodes n WHERE n.id = $1")];
    BY_NAME => [concat!("SELECT ", node_columns!(), " FROM nodes n WHERE n.name = $1")];
    LIST => [overview!("")];
    OVERVIEW => [overview!(" WHERE n.name = $1")];
    NEXT_GENERATION => ["UPDATE nodes SET generation = generation + 1 WHERE id = $1 RETURNING generation"];
    SEEN => [
        "UPDATE nodes SET seen_at = $2, agent_version = COALESCE($3, agent_version) WHERE id = $1"
    ];
    REQUEST_AUDIT => [
        "UPDATE nodes SET audit_requested = audit_requested + 1 WHERE id = $1 RETURNING audit_requested"
    ];
    AUDIT_DONE => [
        "UPDATE nodes SET audit_done = $2 WHERE id = $1 AND audit_done < $2 AND audit_requested >= $2"
    ];
    SET_PROBLEMS => ["UPDATE nodes SET problems = $2 WHERE id = $1"];
}

/// A node as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRecord {
    /// The node.
    pub id: NodeId,
    /// Its name.
    pub name: String,
    /// Newest generation of any of its accounts.
    pub generation: u64,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// When its agent last asked or reported.
    pub seen_at: Option<DateTime<Utc>>,
    /// Version of its agent.
    pub agent_version: Option<String>,
    /// The number of the last audit that was asked for.
    pub audit_requested: u64,
    /// The number of the last audit that was done.
    pub audit_done: u64,
    /// What is wrong with the node as a whole.
    pub problems: Vec<Problem>,
}

/// A node with counts of its accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeOverview {
    /// The node.
    pub node: NodeRecord,
    /// How many accounts it has.
    pub accounts: u64,
    /// How many of them wait for the agent.
    pub provisioning: u64,
    /// How many of them have a failed resource.
    pub failed: u64,
}

/// The node of a name, added under the given id if it was not there.
pub async fn ensure(tx: &mut Tx, id: NodeId, name: &str, at: DateTime<Utc>) -> Result<NodeRecord> {
    execute!(tx, INSERT, id.0, name, micros(at))?;
    by_name(tx, name).await?.ok_or(StoreError::Missing { what: "node" })
}

/// The node of an id.
pub async fn by_id(tx: &mut Tx, id: NodeId) -> Result<Option<NodeRecord>> {
    fetch_optional!(tx, NodeRow, BY_ID, id.0)?.map(NodeRecord::try_from).transpose()
}

/// The node of a name.
pub async fn by_name(tx: &mut Tx, name: &str) -> Result<Option<NodeRecord>> {
    fetch_optional!(tx, NodeRow, BY_NAME, name)?.map(NodeRecord::try_from).transpose()
}

/// Every node by name, with counts of its accounts.
pub async fn list(tx: &mut Tx) -> Result<Vec<NodeOverview>> {
    fetch_all!(tx, OverviewRow, LIST)?.into_iter().map(NodeOverview::try_from).collect()
}

/// The node of a name with counts of its accounts.
pub async fn overview(tx: &mut Tx, name: &str) -> Result<Option<NodeOverview>> {
    fetch_optional!(tx, OverviewRow, OVERVIEW, name)?.map(NodeOverview::try_from).transpose()
}

/// Takes a node's next generation, for the account that is about to be inserted with it. Locks the node
/// until the transaction ends; see [`crate::accounts`] for what that is good for.
pub async fn next_generation(tx: &mut Tx, node: NodeId) -> Result<u64> {
    fetch_optional_value!(tx, i64, NEXT_GENERATION, node.0)?
        .map(unsigned)
        .ok_or(StoreError::Missing { what: "node" })
}

/// Notes that a node's agent has been heard of, and its version if it said so.
pub async fn seen(tx: &mut Tx, node: NodeId, version: Option<&str>, at: DateTime<Utc>) -> Result<()> {
    execute!(tx, SEEN, node.0, micros(at), version)?;
    Ok(())
}

/// Asks a node to look at everything now, and gives the number of the request.
pub async fn request_audit(tx: &mut Tx, node: NodeId) -> Result<u64> {
    fetch_optional_value!(tx, i64, REQUEST_AUDIT, node.0)?
        .map(unsigned)
        .ok_or(StoreError::Missing { what: "node" })
}

/// Notes that a node has done the audit of that number; whether that is news.
pub async fn audit_done(tx: &mut Tx, node: NodeId, number: u64) -> Result<bool> {
    Ok(execute!(tx, AUDIT_DONE, node.0, signed(number))? > 0)
}

/// Stores what is wrong with a node as a whole.
pub async fn set_problems(tx: &mut Tx, node: NodeId, problems: &[Problem]) -> Result<()> {
    execute!(tx, SET_PROBLEMS, node.0, to_json("problems", problems)?)?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct NodeRow {
    id: Uuid,
    name: String,
    generation: i64,
    created_at: i64,
    seen_at: Option<i64>,
    agent_version: Option<String>,
    audit_requested: i64,
    audit_done: i64,
    problems: String,
}

#[derive(sqlx::FromRow)]
struct OverviewRow {
    #[sqlx(flatten)]
    node: NodeRow,
    accounts: i64,
    provisioning: i64,
    failed: i64,
}

impl TryFrom<NodeRow> for NodeRecord {
    type Error = StoreError;

    fn try_from(row: NodeRow) -> Result<Self> {
        Ok(Self {
            id: NodeId(row.id),
            name: row.name,
            generation: unsigned(row.generation),
            created_at: moment(row.created_at)?,
            seen_at: moment_optional(row.seen_at)?,
            agent_version: row.agent_version,
            audit_requested: unsigned(row.audit_requested),
            audit_done: unsigned(row.audit_done),
            problems: from_json("problems", &row.problems)?,
        })
    }
}

impl TryFrom<OverviewRow> for NodeOverview {
    type Error = StoreError;

    fn try_from(row: OverviewRow) -> Result<Self> {
        Ok(Self {
            node: row.node.try_into()?,
            accounts: unsigned(row.accounts),
            provisioning: unsigned(row.provisioning),
            failed: unsigned(row.failed),
        })
    }
}
