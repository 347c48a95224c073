//! Answers to requests that may come twice, and commands that were done lately.

use berth_core::id::UserId;
use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::value::{from_json, micros, moment, to_json};
use crate::{Result, Tx};

statements! {
    GET => [
        "SELECT request_hash, response, created_at FROM idempotency_keys WHERE actor = $1 AND key = $2"
    ];
    INSERT => [
        "INSERT INTO idempotency_keys (actor, key, request_hash, response, created_at) \
         VALUES ($1, $2, $3, $4, $5)"
    ];
    RECENT => [
        "SELECT user_id FROM recent_commands WHERE actor = $1 AND fingerprint = $2 AND created_at >= $3"
    ];
    REMEMBER => [
        "INSERT INTO recent_commands (actor, fingerprint, user_id, created_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (actor, fingerprint) DO UPDATE SET user_id = excluded.user_id, \
         created_at = excluded.created_at"
    ];
    EXPIRE_KEYS => ["DELETE FROM idempotency_keys WHERE created_at < $1"];
    EXPIRE_COMMANDS => ["DELETE FROM recent_commands WHERE created_at < $1"];
}

/// The answer that an idempotency key got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnswer {
    /// The hash of the request that it answered; another one under the same key is a mistake.
    pub request_hash: String,
    /// The answer, without a password.
    pub response: Value,
    /// When it was given.
    pub created_at: DateTime<Utc>,
}

/// The answer that an actor's key got before.
pub async fn get(tx: &mut Tx, actor: &str, key: &str) -> Result<Option<StoredAnswer>> {
    fetch_optional!(tx, (String, String, i64), GET, actor, key)?
        .map(|(request_hash, response, created_at)| {
            Ok(StoredAnswer {
                request_hash,
                response: from_json("stored answer", &response)?,
                created_at: moment(created_at)?,
            })
        })
        .transpose()
}

/// Stores the answer to a key in the transaction that it tells about. Conflict:
/// [`IdempotencyKey`](crate::Constraint::IdempotencyKey), if the same request was faster on another
/// connection; roll back and look with [`get`].
pub async fn put(tx: &mut Tx, actor: &str, key: &str, answer: &StoredAnswer) -> Result<()> {
    execute!(
        tx,
        INSERT,
        actor,
        key,
        answer.request_hash.as_str(),
        to_json("stored answer", &answer.response)?,
        micros(answer.created_at),
    )?;
    Ok(())
}

/// The user whom an actor created by a command of this fingerprint since a moment.
pub async fn recent_command(
    tx: &mut Tx,
    actor: &str,
    fingerprint: &str,
    since: DateTime<Utc>,
) -> Result<Option<UserId>> {
    Ok(fetch_optional_value!(tx, Uuid, RECENT, actor, fingerprint, micros(since))?.map(UserId))
}

/// Remembers which user a command created.
pub async fn remember_command(
    tx: &mut Tx,
    actor: &str,
    fingerprint: &str,
    user: UserId,
    at: DateTime<Utc>,
) -> Result<()> {
    execute!(tx, REMEMBER, actor, fingerprint, user.0, micros(at))?;
    Ok(())
}

/// Forgets everything from before a moment, and says how much that was.
pub async fn expire(tx: &mut Tx, before: DateTime<Utc>) -> Result<u64> {
    Ok(execute!(tx, EXPIRE_KEYS, micros(before))? + execute!(tx, EXPIRE_COMMANDS, micros(before))?)
}
