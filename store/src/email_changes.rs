//! Changes of address that wait for both addresses to agree.

use berth_core::id::UserId;
use berth_core::name::Email;
use chrono::{DateTime, Utc};

use crate::value::{micros, moment, moment_optional, parsed};
use crate::{Result, Tx};

statements! {
    PUT => [
        "INSERT INTO email_changes (user_id, email, created_at, expires_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (user_id) DO UPDATE SET email = excluded.email, created_at = excluded.created_at, \
         expires_at = excluded.expires_at, old_confirmed_at = NULL, new_confirmed_at = NULL"
    ];
    GET => [
        "SELECT email, created_at, expires_at, old_confirmed_at, new_confirmed_at FROM email_changes \
         WHERE user_id = $1"
    ];
    CONFIRM_OLD => ["UPDATE email_changes SET old_confirmed_at = $2 WHERE user_id = $1"];
    CONFIRM_NEW => ["UPDATE email_changes SET new_confirmed_at = $2 WHERE user_id = $1"];
    DELETE => ["DELETE FROM email_changes WHERE user_id = $1"];
    EXPIRE => ["DELETE FROM email_changes WHERE expires_at < $1"];
}

/// A change as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailChangeRecord {
    /// The new address.
    pub email: Email,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// Until when it can be confirmed.
    pub expires_at: DateTime<Utc>,
    /// When the old address agreed.
    pub old_confirmed_at: Option<DateTime<Utc>>,
    /// When the new address agreed.
    pub new_confirmed_at: Option<DateTime<Utc>>,
}

/// Stores a change that nobody has confirmed, instead of any that there was.
pub async fn put(
    tx: &mut Tx,
    user: UserId,
    email: &Email,
    at: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<()> {
    execute!(tx, PUT, user.0, email.as_str(), micros(at), micros(until))?;
    Ok(())
}

/// The change that a user waits for.
pub async fn get(tx: &mut Tx, user: UserId) -> Result<Option<EmailChangeRecord>> {
    type Row = (String, i64, i64, Option<i64>, Option<i64>);
    fetch_optional!(tx, Row, GET, user.0)?
        .map(|(email, created_at, expires_at, old, new)| {
            Ok(EmailChangeRecord {
                email: parsed("email address", &email)?,
                created_at: moment(created_at)?,
                expires_at: moment(expires_at)?,
                old_confirmed_at: moment_optional(old)?,
                new_confirmed_at: moment_optional(new)?,
            })
        })
        .transpose()
}

/// Notes that an address agreed: the new one, or else the old one.
pub async fn confirm(tx: &mut Tx, user: UserId, is_new: bool, at: DateTime<Utc>) -> Result<()> {
    execute!(tx, if is_new { CONFIRM_NEW } else { CONFIRM_OLD }, user.0, micros(at))?;
    Ok(())
}

/// Forgets the change of a user.
pub async fn delete(tx: &mut Tx, user: UserId) -> Result<bool> {
    Ok(execute!(tx, DELETE, user.0)? > 0)
}

/// Forgets changes that ended before a moment.
pub async fn expire(tx: &mut Tx, before: DateTime<Utc>) -> Result<u64> {
    execute!(tx, EXPIRE, micros(before))
}
