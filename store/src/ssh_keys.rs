//! Keys that open file transfer.

use berth_core::id::{AccountId, SshKeyId};
use berth_core::ssh_key::SshPublicKey;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::value::{micros, moment, parsed};
use crate::{Result, StoreError, Tx};

statements! {
    INSERT => [
        "INSERT INTO ssh_keys (id, account_id, fingerprint, public_key, created_at) VALUES ($1, $2, $3, $4, $5)"
    ];
    OF_ACCOUNT => [
        "SELECT id, account_id, public_key, created_at FROM ssh_keys WHERE account_id = $1 ORDER BY created_at, id"
    ];
    BY_FINGERPRINT => [
        "SELECT id, account_id, public_key, created_at FROM ssh_keys WHERE account_id = $1 AND fingerprint = $2"
    ];
    DELETE => ["DELETE FROM ssh_keys WHERE id = $1 AND account_id = $2"];
}

/// A key as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshKeyRecord {
    /// The key.
    pub id: SshKeyId,
    /// The account that it opens.
    pub account: AccountId,
    /// The key itself, with its comment.
    pub key: SshPublicKey,
    /// When it was added.
    pub created_at: DateTime<Utc>,
}

/// Stores a new key. Call [`crate::accounts::stamp`] as well. Conflict:
/// [`SshKeyFingerprint`](crate::Constraint::SshKeyFingerprint).
pub async fn insert(tx: &mut Tx, key: &SshKeyRecord) -> Result<()> {
    execute!(
        tx,
        INSERT,
        key.id.0,
        key.account.0,
        key.key.fingerprint(),
        key.key.to_string(),
        micros(key.created_at),
    )?;
    Ok(())
}

/// Every key of an account, oldest first.
pub async fn of_account(tx: &mut Tx, account: AccountId) -> Result<Vec<SshKeyRecord>> {
    fetch_all!(tx, SshKeyRow, OF_ACCOUNT, account.0)?.into_iter().map(SshKeyRecord::try_from).collect()
}

/// The key of a fingerprint (`SHA256:…`) in an account.
pub async fn by_fingerprint(
    tx: &mut Tx,
    account: AccountId,
    fingerprint: &str,
) -> Result<Option<SshKeyRecord>> {
    fetch_optional!(tx, SshKeyRow, BY_FINGERPRINT, account.0, fingerprint)?
        .map(SshKeyRecord::try_from)
        .transpose()
}

/// Removes a key of an account; whether it was there. Call [`crate::accounts::stamp`] as well.
pub async fn remove(tx: &mut Tx, account: AccountId, key: SshKeyId) -> Result<bool> {
    Ok(execute!(tx, DELETE, key.0, account.0)? > 0)
}

#[derive(sqlx::FromRow)]
struct SshKeyRow {
    id: Uuid,
    account_id: Uuid,
    public_key: String,
    created_at: i64,
}

impl TryFrom<SshKeyRow> for SshKeyRecord {
    type Error = StoreError;

    fn try_from(row: SshKeyRow) -> Result<Self> {
        Ok(Self {
            id: SshKeyId(row.id),
            account: AccountId(row.account_id),
            key: parsed("SSH key", &row.public_key)?,
            created_at: moment(row.created_at)?,
        })
    }
}
