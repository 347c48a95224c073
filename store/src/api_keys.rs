//! Keys for the API.

use berth_core::id::{ApiKeyId, UserId};
use berth_core::policy::Scope;
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use uuid::Uuid;

use crate::value::{from_json, micros, moment, moment_optional, to_json};
use crate::{Result, StoreError, Tx};

macro_rules! key_columns {
    () => {
        "k.id, k.user_id, k.label, k.scopes, k.created_at, k.expires_at, k.used_at, k.revoked_at"
    };
}

statements! {
    INSERT => [
        "INSERT INTO api_keys (id, user_id, label, secret_sha256, scopes, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)"
    ];
    BY_ID => [concat!("SELECT ", key_columns!(), " FROM api_keys k WHERE k.id = $1")];
    SECRET => ["SELECT secret_sha256 FROM api_keys WHERE id = $1"];
    ALL => [concat!("SELECT ", key_columns!(), " FROM api_keys k ORDER BY k.id")];
    OF_USER => [concat!("SELECT ", key_columns!(), " FROM api_keys k WHERE k.user_id = $1 ORDER BY k.id")];
    REVOKE => ["UPDATE api_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL"];
    USED => ["UPDATE api_keys SET used_at = $2 WHERE id = $1 AND (used_at IS NULL OR used_at < $2)"];
}

/// A key as stored, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyRecord {
    /// The key.
    pub id: ApiKeyId,
    /// Whose rights it has at most.
    pub user: UserId,
    /// What its owner calls it.
    pub label: String,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    pub used_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// Stores a new key with the hexadecimal SHA-256 of its secret.
pub async fn insert(tx: &mut Tx, key: &ApiKeyRecord, secret_sha256: &str) -> Result<()> {
    execute!(
        tx,
        INSERT,
        key.id.0,
        key.user.0,
        key.label.as_str(),
        secret_sha256,
        to_json("scopes", &key.scopes)?,
        micros(key.created_at),
        key.expires_at.map(micros),
    )?;
    Ok(())
}

/// The key of an id.
pub async fn by_id(tx: &mut Tx, id: ApiKeyId) -> Result<Option<ApiKeyRecord>> {
    fetch_optional!(tx, ApiKeyRow, BY_ID, id.0)?.map(ApiKeyRecord::try_from).transpose()
}

/// The hexadecimal SHA-256 of a key's secret; compare it in constant time.
pub async fn secret_sha256(tx: &mut Tx, id: ApiKeyId) -> Result<Option<String>> {
    fetch_optional_value!(tx, String, SECRET, id.0)
}

/// Every key of a user, or of everybody, oldest first; revoked and expired ones too.
pub async fn list(tx: &mut Tx, user: Option<UserId>) -> Result<Vec<ApiKeyRecord>> {
    match user {
        Some(user) => fetch_all!(tx, ApiKeyRow, OF_USER, user.0)?,
        None => fetch_all!(tx, ApiKeyRow, ALL)?,
    }
    .into_iter()
    .map(ApiKeyRecord::try_from)
    .collect()
}

/// Revokes a key; whether it was there and not revoked.
pub async fn revoke(tx: &mut Tx, id: ApiKeyId, at: DateTime<Utc>) -> Result<bool> {
    Ok(execute!(tx, REVOKE, id.0, micros(at))? > 0)
}

/// The minute that a use is noted under. Compare it with [`ApiKeyRecord::used_at`] and call [`used`] only if
/// it is newer: a key that is used all the time costs one write a minute.
pub fn minute_of(at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_trunc(TimeDelta::minutes(1)).unwrap_or(at)
}

/// Notes that a key was used; whether that is news for this minute.
pub async fn used(tx: &mut Tx, id: ApiKeyId, at: DateTime<Utc>) -> Result<bool> {
    Ok(execute!(tx, USED, id.0, micros(minute_of(at)))? > 0)
}

#[derive(sqlx::FromRow)]
struct ApiKeyRow {
    id: Uuid,
    user_id: Uuid,
    label: String,
    scopes: String,
    created_at: i64,
    expires_at: Option<i64>,
    used_at: Option<i64>,
    revoked_at: Option<i64>,
}

impl TryFrom<ApiKeyRow> for ApiKeyRecord {
    type Error = StoreError;

    fn try_from(row: ApiKeyRow) -> Result<Self> {
        Ok(Self {
            id: ApiKeyId(row.id),
            user: UserId(row.user_id),
            label: row.label,
            scopes: from_json("scopes", &row.scopes)?,
            created_at: moment(row.created_at)?,
            expires_at: moment_optional(row.expires_at)?,
            used_at: moment_optional(row.used_at)?,
            revoked_at: moment_optional(row.revoked_at)?,
        })
    }
}
