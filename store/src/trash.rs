//! Users who are deleted: into the trash, back, and out of the database.

use berth_core::account::Uid;
use berth_core::id::{AccountId, NodeId, UserId};
use berth_core::link::Looked;
use berth_core::name::Username;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::accounts::stored_uid;
use crate::value::{from_json, micros, moment, parsed, signed, to_json};
use crate::{Result, Tx};

statements! {
    DELETE => [
        "UPDATE users SET deleted_at = $2, purge_at = $3, version = version + 1 \
         WHERE id = $1 AND deleted_at IS NULL"
    ];
    FORGET_COMMANDS => ["DELETE FROM recent_commands WHERE user_id = $1"];
    RESTORE => [
        "UPDATE users SET deleted_at = NULL, purge_at = NULL, version = version + 1 \
         WHERE id = $1 AND deleted_at IS NOT NULL AND purging_at IS NULL"
    ];
    PURGE => [
        "UPDATE users SET purging_at = $2, deleted_at = COALESCE(deleted_at, $2), version = version + 1 \
         WHERE id = $1 AND purging_at IS NULL"
    ];
    DUE => ["SELECT id FROM users WHERE purge_at <= $1 AND purging_at IS NULL ORDER BY purge_at, id LIMIT $2"];
    OWNS_USERS => ["SELECT count(*) FROM users WHERE owner_id = $1"];
    OWNED_ACCOUNTS => [
        "SELECT account_id FROM memberships WHERE user_id = $1 AND role = 'owner' ORDER BY account_id"
    ];
    GONE => [
        "SELECT a.username, a.uid, n.name, u.id AS user_id FROM accounts a \
         JOIN nodes n ON n.id = a.node_id \
         JOIN memberships m ON m.account_id = a.id AND m.role = 'owner' \
         JOIN users u ON u.id = m.user_id \
         WHERE a.id = $1 AND a.node_id = $2 AND a.generation = $3 AND u.purging_at IS NOT NULL"
    ];
    BURY => [
        "INSERT INTO purged_accounts (account_id, user_id, username, uid, node, purged_at, looked) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)"
    ];
    REMOVE_ACCOUNT => ["DELETE FROM accounts WHERE id = $1"];
    REMOVE_USER => ["DELETE FROM users WHERE id = $1"];
    BURIED => [
        "SELECT account_id, user_id, username, uid, node, purged_at, looked FROM purged_accounts \
         WHERE user_id = $1 ORDER BY account_id"
    ];
}

/// An account that a node has removed and that is about to leave the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoneAccount {
    /// Whose it was.
    pub user: UserId,
    /// Its name.
    pub username: Username,
    /// Its number, which nobody gets again.
    pub uid: Uid,
    /// The name of the node that it was on.
    pub node: String,
}

/// What is left of an account that was purged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurgedRecord {
    /// The account.
    pub account: AccountId,
    /// What it was.
    pub gone: GoneAccount,
    /// When its node had removed everything.
    pub purged_at: DateTime<Utc>,
    /// What was looked for there.
    pub looked: Vec<Looked>,
}

/// Puts a user into the trash; whether they were not there yet. Call [`crate::accounts::stamp`] for the
/// accounts that they own.
pub async fn delete(
    tx: &mut Tx,
    user: UserId,
    at: DateTime<Utc>,
    purge_at: Option<DateTime<Utc>>,
) -> Result<bool> {
    // Whoever creates the same user again is not answered with the one in the trash.
    execute!(tx, FORGET_COMMANDS, user.0)?;
    Ok(execute!(tx, DELETE, user.0, micros(at), purge_at.map(micros))? > 0)
}

/// Brings a user back from the trash; whether they were there, and nobody had begun to purge them.
pub async fn restore(tx: &mut Tx, user: UserId) -> Result<bool> {
    Ok(execute!(tx, RESTORE, user.0)? > 0)
}

/// Notes that a user is being purged; whether that is news. There is no way back.
pub async fn purge(tx: &mut Tx, user: UserId, at: DateTime<Utc>) -> Result<bool> {
    Ok(execute!(tx, PURGE, user.0, micros(at))? > 0)
}

/// Users in the trash whose time is over.
pub async fn due(tx: &mut Tx, now: DateTime<Utc>, limit: u32) -> Result<Vec<UserId>> {
    let rows = fetch_all!(tx, (Uuid,), DUE, micros(now), i64::from(limit))?;
    Ok(rows.into_iter().map(|(id,)| UserId(id)).collect())
}

/// How many users somebody owns, those in the trash included.
pub async fn owned_users(tx: &mut Tx, user: UserId) -> Result<u64> {
    Ok(u64::try_from(fetch_value!(tx, i64, OWNS_USERS, user.0)?).unwrap_or(0))
}

/// The accounts that a user owns.
pub async fn owned_accounts(tx: &mut Tx, user: UserId) -> Result<Vec<AccountId>> {
    let rows = fetch_all!(tx, (Uuid,), OWNED_ACCOUNTS, user.0)?;
    Ok(rows.into_iter().map(|(id,)| AccountId(id)).collect())
}

/// What an account was whose node says that nothing of it is left. `None` if nobody wanted that, or if
/// something has changed since the node was told to.
pub async fn gone(
    tx: &mut Tx,
    node: NodeId,
    account: AccountId,
    generation: u64,
) -> Result<Option<GoneAccount>> {
    fetch_optional!(tx, (String, i64, String, Uuid), GONE, account.0, node.0, signed(generation))?
        .map(|(username, uid, node, user)| {
            Ok(GoneAccount {
                user: UserId(user),
                username: parsed("username", &username)?,
                uid: stored_uid(uid)?,
                node,
            })
        })
        .transpose()
}

/// Removes an account with everything that belongs to it, and keeps what its node had looked for.
pub async fn remove_account(
    tx: &mut Tx,
    account: AccountId,
    gone: &GoneAccount,
    looked: &[Looked],
    at: DateTime<Utc>,
) -> Result<()> {
    execute!(tx, REMOVE_ACCOUNT, account.0)?;
    execute!(
        tx,
        BURY,
        account.0,
        gone.user.0,
        gone.username.as_str(),
        i64::from(gone.uid.get()),
        gone.node.as_str(),
        micros(at),
        to_json("proof", looked)?,
    )?;
    Ok(())
}

/// Removes a user who owns nothing any more; whether they were there.
pub async fn remove_user(tx: &mut Tx, user: UserId) -> Result<bool> {
    Ok(execute!(tx, REMOVE_USER, user.0)? > 0)
}

/// The accounts of a user who was purged.
pub async fn purged(tx: &mut Tx, user: UserId) -> Result<Vec<PurgedRecord>> {
    fetch_all!(tx, PurgedRow, BURIED, user.0)?
        .into_iter()
        .map(|row| {
            Ok(PurgedRecord {
                account: AccountId(row.account_id),
                gone: GoneAccount {
                    user: UserId(row.user_id),
                    username: parsed("username", &row.username)?,
                    uid: stored_uid(row.uid)?,
                    node: row.node,
                },
                purged_at: moment(row.purged_at)?,
                looked: from_json("proof", &row.looked)?,
            })
        })
        .collect()
}

#[derive(sqlx::FromRow)]
struct PurgedRow {
    account_id: Uuid,
    user_id: Uuid,
    username: String,
    uid: i64,
    node: String,
    purged_at: i64,
    looked: String,
}
