//! Administrators who act in somebody's place.

use berth_core::id::{ImpersonationId, UserId};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::value::{micros, moment, moment_optional};
use crate::{Result, StoreError, Tx};

macro_rules! columns {
    () => {
        "i.id, i.admin_id, i.user_id, i.reason, i.created_at, i.expires_at, i.ended_at"
    };
}

statements! {
    INSERT => [
        "INSERT INTO impersonations (id, admin_id, user_id, reason, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6)"
    ];
    BY_ID => [concat!("SELECT ", columns!(), " FROM impersonations i WHERE i.id = $1")];
    OF_USER => [concat!(
        "SELECT ", columns!(), " FROM impersonations i WHERE i.user_id = $1 ORDER BY i.created_at DESC LIMIT $2"
    )];
    END => ["UPDATE impersonations SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL"];
    END_BY => ["UPDATE impersonations SET ended_at = $2 WHERE admin_id = $1 AND ended_at IS NULL"];
}

/// A grant as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImpersonationRecord {
    /// The grant.
    pub id: ImpersonationId,
    /// Who acts.
    pub admin: UserId,
    /// In whose place.
    pub user: UserId,
    /// Why, in the administrator's words.
    pub reason: String,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// Until when at most.
    pub expires_at: DateTime<Utc>,
    /// When it was ended earlier.
    pub ended_at: Option<DateTime<Utc>>,
}

/// Stores a new grant.
pub async fn insert(tx: &mut Tx, grant: &ImpersonationRecord) -> Result<()> {
    execute!(
        tx,
        INSERT,
        grant.id.0,
        grant.admin.0,
        grant.user.0,
        grant.reason.as_str(),
        micros(grant.created_at),
        micros(grant.expires_at),
    )?;
    Ok(())
}

/// The grant of an id.
pub async fn by_id(tx: &mut Tx, id: ImpersonationId) -> Result<Option<ImpersonationRecord>> {
    fetch_optional!(tx, Row, BY_ID, id.0)?.map(ImpersonationRecord::try_from).transpose()
}

/// The latest grants about a user, newest first.
pub async fn of_user(tx: &mut Tx, user: UserId, limit: u32) -> Result<Vec<ImpersonationRecord>> {
    fetch_all!(tx, Row, OF_USER, user.0, i64::from(limit))?
        .into_iter()
        .map(ImpersonationRecord::try_from)
        .collect()
}

/// Ends a grant; whether it had not been ended before.
pub async fn end(tx: &mut Tx, id: ImpersonationId, at: DateTime<Utc>) -> Result<bool> {
    Ok(execute!(tx, END, id.0, micros(at))? > 0)
}

/// Ends every grant that an administrator has.
pub async fn end_by(tx: &mut Tx, admin: UserId, at: DateTime<Utc>) -> Result<u64> {
    execute!(tx, END_BY, admin.0, micros(at))
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    admin_id: Uuid,
    user_id: Uuid,
    reason: String,
    created_at: i64,
    expires_at: i64,
    ended_at: Option<i64>,
}

impl TryFrom<Row> for ImpersonationRecord {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: ImpersonationId(row.id),
            admin: UserId(row.admin_id),
            user: UserId(row.user_id),
            reason: row.reason,
            created_at: moment(row.created_at)?,
            expires_at: moment(row.expires_at)?,
            ended_at: moment_optional(row.ended_at)?,
        })
    }
}
