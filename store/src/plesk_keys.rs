//! Keys of Plesk's XML API.

use berth_core::id::{ApiKeyId, UserId};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::value::{micros, moment};
use crate::{Result, StoreError, Tx};

statements! {
    INSERT => [
        "INSERT INTO plesk_keys (id, user_id, secret_sha256, address, description, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6)"
    ];
    BY_SECRET => [
        "SELECT id, user_id, address, description, created_at FROM plesk_keys WHERE secret_sha256 = $1"
    ];
    LIST => [
        "SELECT id, user_id, address, description, created_at FROM plesk_keys ORDER BY created_at, id"
    ];
    DELETE => ["DELETE FROM plesk_keys WHERE id = $1"];
}

/// A key as stored. The hash of the key itself is not part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PleskKeyRecord {
    /// The key.
    pub id: ApiKeyId,
    /// The user whose rights it has.
    pub user: UserId,
    /// The only address that it may be used from.
    pub address: Option<String>,
    /// What its owner says about it.
    pub description: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// Stores a new key.
pub async fn insert(tx: &mut Tx, key: &PleskKeyRecord, secret_sha256: &str) -> Result<()> {
    execute!(
        tx,
        INSERT,
        key.id.0,
        key.user.0,
        secret_sha256,
        key.address.as_deref(),
        key.description.as_str(),
        micros(key.created_at),
    )?;
    Ok(())
}

/// The key of which this is the hash.
pub async fn by_secret(tx: &mut Tx, secret_sha256: &str) -> Result<Option<PleskKeyRecord>> {
    fetch_optional!(tx, Row, BY_SECRET, secret_sha256)?.map(PleskKeyRecord::try_from).transpose()
}

/// Every key, the oldest first.
pub async fn list(tx: &mut Tx) -> Result<Vec<PleskKeyRecord>> {
    fetch_all!(tx, Row, LIST)?.into_iter().map(PleskKeyRecord::try_from).collect()
}

/// Removes a key; whether it was there.
pub async fn remove(tx: &mut Tx, key: ApiKeyId) -> Result<bool> {
    Ok(execute!(tx, DELETE, key.0)? > 0)
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    user_id: Uuid,
    address: Option<String>,
    description: String,
    created_at: i64,
}

impl TryFrom<Row> for PleskKeyRecord {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: ApiKeyId(row.id),
            user: UserId(row.user_id),
            address: row.address,
            description: row.description,
            created_at: moment(row.created_at)?,
        })
    }
}
