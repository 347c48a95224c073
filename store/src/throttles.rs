//! Attempts from an address or at an account, and until when no more are taken.

use chrono::{DateTime, Utc};

use crate::value::{micros, moment, signed, unsigned};
use crate::{Result, Tx};

statements! {
    GET => [
        "SELECT attempts, last_at, blocked_until FROM throttles WHERE subject = $1",
        "SELECT attempts, last_at, blocked_until FROM throttles WHERE subject = $1 FOR UPDATE",
    ];
    PUT => [
        "INSERT INTO throttles (subject, attempts, last_at, blocked_until) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (subject) DO UPDATE SET attempts = excluded.attempts, last_at = excluded.last_at, \
         blocked_until = excluded.blocked_until"
    ];
    FORGIVE => [
        "UPDATE throttles SET attempts = attempts - 1, blocked_until = 0 WHERE subject = $1 AND attempts > 0"
    ];
    FORGET => ["DELETE FROM throttles WHERE subject = $1"];
    EXPIRE => ["DELETE FROM throttles WHERE last_at < $1 AND blocked_until < $1"];
}

/// How often something was tried lately.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThrottleRecord {
    /// How often, since it was last forgotten.
    pub attempts: u64,
    /// The last time.
    pub last_at: DateTime<Utc>,
    /// No more attempts are taken before.
    pub blocked_until: DateTime<Utc>,
}

/// What is known of a subject; locked until the transaction ends.
pub async fn get(tx: &mut Tx, subject: &str) -> Result<Option<ThrottleRecord>> {
    fetch_optional!(tx, (i64, i64, i64), GET, subject)?
        .map(|(attempts, last_at, blocked_until)| {
            Ok(ThrottleRecord {
                attempts: unsigned(attempts),
                last_at: moment(last_at)?,
                blocked_until: moment(blocked_until)?,
            })
        })
        .transpose()
}

/// Stores what is known of a subject.
pub async fn put(tx: &mut Tx, subject: &str, throttle: &ThrottleRecord) -> Result<()> {
    execute!(
        tx,
        PUT,
        subject,
        signed(throttle.attempts),
        micros(throttle.last_at),
        micros(throttle.blocked_until),
    )?;
    Ok(())
}

/// Takes one attempt back, since it was a good one.
pub async fn forgive(tx: &mut Tx, subject: &str) -> Result<()> {
    execute!(tx, FORGIVE, subject)?;
    Ok(())
}

/// Forgets a subject.
pub async fn forget(tx: &mut Tx, subject: &str) -> Result<()> {
    execute!(tx, FORGET, subject)?;
    Ok(())
}

/// Forgets every subject that has been quiet since a moment.
pub async fn expire(tx: &mut Tx, before: DateTime<Utc>) -> Result<u64> {
    execute!(tx, EXPIRE, micros(before))
}
