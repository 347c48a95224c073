//! Messages that leave after their transaction has committed: stored with the change, sent by a worker.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::value::{from_json, micros, moment, to_json, unsigned};
use crate::{Result, Tx};

macro_rules! claim {
    ($lock:literal) => {
        concat!(
            "UPDATE outbox SET due_at = $2, attempts = attempts + 1 WHERE id IN \
             (SELECT id FROM outbox WHERE topic = $4 AND due_at <= $1 ORDER BY due_at, id LIMIT $3",
            $lock,
            ") RETURNING id, topic, payload, created_at, attempts"
        )
    };
}

statements! {
    INSERT => [
        "INSERT INTO outbox (id, topic, payload, created_at, due_at) VALUES ($1, $2, $3, $4, $4)"
    ];
    CLAIM => [claim!(""), claim!(" FOR UPDATE SKIP LOCKED")];
    DELETE => ["DELETE FROM outbox WHERE id = $1"];
    RETRY => ["UPDATE outbox SET due_at = $2, last_error = $3 WHERE id = $1"];
    COUNT => ["SELECT count(*) FROM outbox"];
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The message; also what a receiver knows a repetition by.
    pub id: Uuid,
    /// What kind of message, such as `user.welcome`.
    pub topic: String,
    /// What it says. Never a secret.
    pub payload: Value,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// How often it has been tried, the claim that gave it included.
    pub attempts: u64,
}

/// Stores a message, due at once.
pub async fn enqueue(tx: &mut Tx, id: Uuid, topic: &str, payload: &Value, at: DateTime<Utc>) -> Result<()> {
    execute!(tx, INSERT, id, topic, to_json("payload", payload)?, micros(at))?;
    Ok(())
}

/// Takes messages of a topic that are due. Nobody else gets them before `until`; a worker that dies loses none.
pub async fn claim(
    tx: &mut Tx,
    topic: &str,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
    limit: u32,
) -> Result<Vec<Message>> {
    fetch_all!(tx, MessageRow, CLAIM, micros(now), micros(until), i64::from(limit), topic)?
        .into_iter()
        .map(|row| {
            Ok(Message {
                id: row.id,
                topic: row.topic,
                payload: from_json("payload", &row.payload)?,
                created_at: moment(row.created_at)?,
                attempts: unsigned(row.attempts),
            })
        })
        .collect()
}

/// Removes a message that has been sent, or given up.
pub async fn finish(tx: &mut Tx, id: Uuid) -> Result<bool> {
    Ok(execute!(tx, DELETE, id)? > 0)
}

/// Puts a message back until `due`, with why it could not be sent.
pub async fn retry(tx: &mut Tx, id: Uuid, due: DateTime<Utc>, error: &str) -> Result<bool> {
    Ok(execute!(tx, RETRY, id, micros(due), error)? > 0)
}

/// How many messages wait.
pub async fn count(tx: &mut Tx) -> Result<u64> {
    fetch_value!(tx, i64, COUNT).map(unsigned)
}

#[derive(sqlx::FromRow)]
struct MessageRow {
    id: Uuid,
    topic: String,
    payload: String,
    created_at: i64,
    attempts: i64,
}
