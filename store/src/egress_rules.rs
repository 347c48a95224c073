//! What single accounts may reach on the network beside what their package allows.

use berth_core::egress::{EgressRule, Note};
use berth_core::id::{AccountId, EgressRuleId};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::value::{micros, moment, parsed};
use crate::{Result, StoreError, Tx};

statements! {
    INSERT => [
        "INSERT INTO egress_rules (id, account_id, network, port, protocol, note, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)"
    ];
    OF_ACCOUNT => [
        "SELECT id, account_id, network, port, protocol, note, created_at FROM egress_rules \
         WHERE account_id = $1 ORDER BY created_at, id"
    ];
    DELETE => ["DELETE FROM egress_rules WHERE id = $1 AND account_id = $2"];
}

/// A rule as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EgressRuleRecord {
    /// The rule.
    pub id: EgressRuleId,
    /// The account that it is for.
    pub account: AccountId,
    /// What it allows.
    pub rule: EgressRule,
    /// Why it is there.
    pub note: Option<Note>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
}

/// Stores a new rule. Call [`crate::accounts::stamp`] as well. Conflict:
/// [`EgressRuleReach`](crate::Constraint::EgressRuleReach).
pub async fn insert(tx: &mut Tx, record: &EgressRuleRecord) -> Result<()> {
    execute!(
        tx,
        INSERT,
        record.id.0,
        record.account.0,
        record.rule.network.to_string(),
        record.rule.port.to_string(),
        record.rule.protocol.as_str(),
        record.note.as_ref().map(Note::as_str),
        micros(record.created_at),
    )?;
    Ok(())
}

/// Every rule of an account, oldest first.
pub async fn of_account(tx: &mut Tx, account: AccountId) -> Result<Vec<EgressRuleRecord>> {
    fetch_all!(tx, EgressRuleRow, OF_ACCOUNT, account.0)?
        .into_iter()
        .map(EgressRuleRecord::try_from)
        .collect()
}

/// Removes a rule of an account; whether it was there. Call [`crate::accounts::stamp`] as well.
pub async fn remove(tx: &mut Tx, account: AccountId, rule: EgressRuleId) -> Result<bool> {
    Ok(execute!(tx, DELETE, rule.0, account.0)? > 0)
}

/// A rule from its columns.
pub(crate) fn stored_rule(network: &str, port: &str, protocol: &str) -> Result<EgressRule> {
    Ok(EgressRule {
        network: parsed("network", network)?,
        port: parsed("port", port)?,
        protocol: parsed("protocol", protocol)?,
    })
}

#[derive(sqlx::FromRow)]
struct EgressRuleRow {
    id: Uuid,
    account_id: Uuid,
    network: String,
    port: String,
    protocol: String,
    note: Option<String>,
    created_at: i64,
}

impl TryFrom<EgressRuleRow> for EgressRuleRecord {
    type Error = StoreError;

    fn try_from(row: EgressRuleRow) -> Result<Self> {
        Ok(Self {
            id: EgressRuleId(row.id),
            account: AccountId(row.account_id),
            rule: stored_rule(&row.network, &row.port, &row.protocol)?,
            note: row.note.as_deref().map(|note| parsed("note", note)).transpose()?,
            created_at: moment(row.created_at)?,
        })
    }
}
