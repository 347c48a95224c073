//! Why users are suspended.

use std::collections::HashMap;

use berth_core::id::UserId;
use berth_core::suspension::{Suspension, SuspensionMessage, SuspensionReason, Suspensions};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::value::{micros, moment, moment_optional, parsed, parsed_optional, to_json};
use crate::{Result, Tx};

/// The suspensions of some users; the part gives the ids from a JSON list.
macro_rules! of_users {
    ($ids:literal) => {
        concat!(
            "SELECT user_id, reason, level, set_by, since, until, message FROM suspensions WHERE user_id IN (",
            $ids,
            ") ORDER BY user_id, reason"
        )
    };
}

statements! {
    PLACE => [
        "INSERT INTO suspensions (user_id, reason, level, set_by, since, until, message) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (user_id, reason) DO UPDATE SET \
         level = excluded.level, set_by = excluded.set_by, since = excluded.since, until = excluded.until, \
         message = excluded.message"
    ];
    LIFT => ["DELETE FROM suspensions WHERE user_id = $1 AND reason = $2"];
    OF_USERS => [
        of_users!("SELECT unhex(j.value) FROM json_each($1) j"),
        of_users!("SELECT j.value::uuid FROM jsonb_array_elements_text($1::jsonb) j (value)"),
    ];
    ENDED => ["SELECT DISTINCT user_id FROM suspensions WHERE until <= $1 ORDER BY user_id LIMIT $2"];
    CHANGED => ["UPDATE users SET version = version + 1 WHERE id = $1"];
}

/// Stores a suspension in the place of one for the same reason. Whatever closes more or less of an account
/// concerns its node: call [`crate::accounts::stamp`].
pub async fn place(tx: &mut Tx, user: UserId, suspension: &Suspension) -> Result<()> {
    execute!(
        tx,
        PLACE,
        user.0,
        suspension.reason.as_str(),
        suspension.level.as_str(),
        suspension.by.as_str(),
        micros(suspension.since),
        suspension.until.map(micros),
        suspension.message.as_ref().map(SuspensionMessage::as_str),
    )?;
    execute!(tx, CHANGED, user.0)?;
    Ok(())
}

/// Removes a suspension; whether it was there.
pub async fn lift(tx: &mut Tx, user: UserId, reason: SuspensionReason) -> Result<bool> {
    let lifted = execute!(tx, LIFT, user.0, reason.as_str())? > 0;
    if lifted {
        execute!(tx, CHANGED, user.0)?;
    }
    Ok(lifted)
}

/// The suspensions of some users, for those who have any.
pub async fn of_users(tx: &mut Tx, users: &[UserId]) -> Result<HashMap<UserId, Suspensions>> {
    if users.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<String> = users.iter().map(|user| user.0.simple().to_string()).collect();
    let mut found: HashMap<UserId, Suspensions> = HashMap::new();
    for row in fetch_all!(tx, SuspensionRow, OF_USERS, to_json("ids", &ids)?)? {
        let user = UserId(row.user_id);
        found.entry(user).or_default().place(row.suspension()?);
    }
    Ok(found)
}

/// Users with a suspension whose time is over.
pub async fn ended(tx: &mut Tx, now: DateTime<Utc>, limit: u32) -> Result<Vec<UserId>> {
    let rows = fetch_all!(tx, (Uuid,), ENDED, micros(now), i64::from(limit))?;
    Ok(rows.into_iter().map(|(id,)| UserId(id)).collect())
}

#[derive(sqlx::FromRow)]
struct SuspensionRow {
    user_id: Uuid,
    reason: String,
    level: String,
    set_by: String,
    since: i64,
    until: Option<i64>,
    message: Option<String>,
}

impl SuspensionRow {
    fn suspension(self) -> Result<Suspension> {
        Ok(Suspension {
            reason: parsed("reason", &self.reason)?,
            level: parsed("level", &self.level)?,
            by: parsed("authority", &self.set_by)?,
            since: moment(self.since)?,
            until: moment_optional(self.until)?,
            message: parsed_optional("message", self.message.as_deref())?,
        })
    }
}
