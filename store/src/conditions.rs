//! What nodes say about accounts.

use berth_core::condition::{Condition, ConditionState};
use berth_core::id::{AccountId, NodeId};
use berth_core::link::AccountReport;
use chrono::{DateTime, Utc};

use crate::value::{from_json, micros, moment, signed, to_json, unsigned};
use crate::{Result, Tx};

statements! {
    OBSERVE => [
        "UPDATE accounts SET observed_generation = $3 \
         WHERE id = $1 AND node_id = $2 AND generation >= $3 AND observed_generation <= $3"
    ];
    UPSERT => [
        "INSERT INTO account_conditions (account_id, generation, reported_at, failed, conditions) \
         VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (account_id) DO UPDATE SET generation = excluded.generation, \
         reported_at = excluded.reported_at, failed = excluded.failed, conditions = excluded.conditions"
    ];
    OF_ACCOUNT => [
        "SELECT generation, reported_at, conditions FROM account_conditions WHERE account_id = $1"
    ];
}

/// What a node said last about an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountConditions {
    /// The generation that the conditions are about.
    pub generation: u64,
    /// When.
    pub reported_at: DateTime<Utc>,
    /// One for each resource.
    pub conditions: Vec<Condition>,
}

/// Stores what a node says about one of its accounts; whether it counted. It does not if the account is not
/// the node's, if the report is about a generation that the account never had, or about an older one than
/// has been reported on: what was observed never goes back.
pub async fn store(tx: &mut Tx, node: NodeId, report: &AccountReport, at: DateTime<Utc>) -> Result<bool> {
    if execute!(tx, OBSERVE, report.account.0, node.0, signed(report.generation))? == 0 {
        return Ok(false);
    }
    let failed = report.conditions.iter().any(|c| matches!(c.state, ConditionState::Failed(_)));
    execute!(
        tx,
        UPSERT,
        report.account.0,
        signed(report.generation),
        micros(at),
        failed,
        to_json("conditions", &report.conditions)?,
    )?;
    Ok(true)
}

/// What an account's node said last about it.
pub async fn of_account(tx: &mut Tx, account: AccountId) -> Result<Option<AccountConditions>> {
    fetch_optional!(tx, (i64, i64, String), OF_ACCOUNT, account.0)?
        .map(|(generation, reported_at, conditions)| {
            Ok(AccountConditions {
                generation: unsigned(generation),
                reported_at: moment(reported_at)?,
                conditions: from_json("conditions", &conditions)?,
            })
        })
        .transpose()
}
