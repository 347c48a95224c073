//! The audit log: a chain of hashes with one end.

pub(crate) mod page;
mod verify;

use berth_core::audit::{AuditEntry, AuditOutcome};
use berth_core::id::UserId;
use serde_json::Value;
use uuid::Uuid;

pub use page::{AuditFilter, AuditRecord, page};
pub use verify::verify;

use crate::value::{from_json, micros, moment};
use crate::{Result, StoreError, Tx};

statements! {
    /// Takes the next place. The row stays locked until the transaction ends, so entries are chained one
    /// after the other whoever writes them.
    NEXT => ["UPDATE audit_head SET sequence = sequence + 1 WHERE id = 1 RETURNING sequence, hash"];
    INSERT => [
        "INSERT INTO audit_log (sequence, at, actor, actor_label, action, subject, user_id, outcome, request, \
         detail, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
    ];
    SET_HEAD => ["UPDATE audit_head SET hash = $1 WHERE id = 1"];
    HEAD => ["SELECT sequence, hash FROM audit_head WHERE id = 1"];
    AFTER => [
        "SELECT sequence, at, actor, actor_label, action, subject, user_id, outcome, request, detail, hash \
         FROM audit_log WHERE sequence > $1 ORDER BY sequence LIMIT $2"
    ];
}

/// Appends an entry and gives its place. On PostgreSQL other writers of the log wait from here to the end of
/// the transaction, so append last.
pub async fn append(tx: &mut Tx, entry: &AuditEntry) -> Result<i64> {
    let entry = AuditEntry {
        actor: as_read_back(&entry.actor)?,
        detail: as_read_back(&entry.detail)?,
        at: moment(micros(entry.at))?,
        ..entry.clone()
    };
    let (sequence, previous) = fetch_optional!(tx, (i64, String), NEXT)?
        .ok_or(StoreError::Missing { what: "end of the audit log" })?;
    let hash = entry.hash(sequence, &previous);
    execute!(
        tx,
        INSERT,
        sequence,
        micros(entry.at),
        entry.actor.to_string(),
        entry.actor_label.as_str(),
        entry.action.as_str(),
        entry.subject.as_str(),
        entry.user.map(|user| user.0),
        entry.outcome.as_str(),
        entry.request.as_str(),
        entry.detail.to_string(),
        hash.as_str(),
    )?;
    execute!(tx, SET_HEAD, hash.as_str())?;
    Ok(sequence)
}

/// The place and hash of the last entry.
pub async fn head(tx: &mut Tx) -> Result<(i64, String)> {
    fetch_optional!(tx, (i64, String), HEAD)?.ok_or(StoreError::Missing { what: "end of the audit log" })
}

/// A document as its text gives it back. The chain hashes the text, and a check has only what it can read.
fn as_read_back(value: &Value) -> Result<Value> {
    from_json("audit detail", &value.to_string())
}

#[derive(sqlx::FromRow)]
struct AuditRow {
    sequence: i64,
    at: i64,
    actor: String,
    actor_label: String,
    action: String,
    subject: String,
    user_id: Option<Uuid>,
    outcome: String,
    request: String,
    detail: String,
    hash: String,
}

impl AuditRow {
    /// The entry, if the row still holds one.
    fn entry(&self) -> Result<AuditEntry> {
        Ok(AuditEntry {
            at: moment(self.at)?,
            actor: from_json("audit actor", &self.actor)?,
            actor_label: self.actor_label.clone(),
            action: self.action.clone(),
            subject: self.subject.clone(),
            user: self.user_id.map(UserId),
            outcome: outcome(&self.outcome)?,
            request: self.request.clone(),
            detail: from_json("audit detail", &self.detail)?,
        })
    }
}

fn outcome(text: &str) -> Result<AuditOutcome> {
    [AuditOutcome::Done, AuditOutcome::Refused]
        .into_iter()
        .find(|outcome| outcome.as_str() == text)
        .ok_or_else(|| StoreError::Corrupt { what: "audit outcome", why: format!("`{text}` is none") })
}
