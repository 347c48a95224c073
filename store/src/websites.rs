//! Websites of users. A definition holds credentials, so the store only ever sees it sealed.

use berth_core::id::{UserId, WebsiteId};
use berth_core::website::WebsiteLabel;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::value::{micros, moment, parsed, signed};
use crate::{Result, StoreError, Tx};

statements! {
    OF_USER => [
        "SELECT id, user_id, label, document, created_at FROM websites WHERE user_id = $1 ORDER BY position, id"
    ];
    INSERT => [
        "INSERT INTO websites (id, user_id, position, label, document, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6)"
    ];
    DELETE_OF_USER => ["DELETE FROM websites WHERE user_id = $1"];
    SEALED_OTHERWISE => [
        "SELECT id, user_id, label, document, created_at FROM websites \
         WHERE id > $1 AND substr(document, 1, length($2)) <> $2 ORDER BY id LIMIT $3"
    ];
    RESEAL => ["UPDATE websites SET document = $3 WHERE id = $1 AND document = $2"];
    PIN => [
        "INSERT INTO pinned_host_keys (server, fingerprint, created_at) VALUES ($1, $2, $3) \
         ON CONFLICT (server) DO NOTHING"
    ];
    PINNED => ["SELECT fingerprint FROM pinned_host_keys WHERE server = $1"];
    UNPIN => ["DELETE FROM pinned_host_keys WHERE server = $1"];
}

/// A website as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebsiteRecord {
    /// The website.
    pub id: WebsiteId,
    /// Whose it is.
    pub user: UserId,
    /// What identifies it among theirs.
    pub label: WebsiteLabel,
    /// Its whole definition, sealed.
    pub document: String,
    /// When it was defined first.
    pub created_at: DateTime<Utc>,
}

/// The websites of a user in the order in which they were defined.
pub async fn of_user(tx: &mut Tx, user: UserId) -> Result<Vec<WebsiteRecord>> {
    fetch_all!(tx, WebsiteRow, OF_USER, user.0)?.into_iter().map(WebsiteRecord::try_from).collect()
}

/// Puts these websites of a user in the place of those that there were.
pub async fn replace(tx: &mut Tx, user: UserId, websites: &[WebsiteRecord]) -> Result<()> {
    execute!(tx, DELETE_OF_USER, user.0)?;
    for (position, website) in (0_u64..).zip(websites) {
        execute!(
            tx,
            INSERT,
            website.id.0,
            user.0,
            signed(position),
            website.label.as_str(),
            website.document.as_str(),
            micros(website.created_at),
        )?;
    }
    Ok(())
}

/// Some websites behind this one whose sealed text does not begin like this: those sealed with another key.
pub async fn sealed_otherwise(
    tx: &mut Tx,
    after: WebsiteId,
    prefix: &str,
    limit: u32,
) -> Result<Vec<WebsiteRecord>> {
    fetch_all!(tx, WebsiteRow, SEALED_OTHERWISE, after.0, prefix, i64::from(limit))?
        .into_iter()
        .map(WebsiteRecord::try_from)
        .collect()
}

/// Puts a newly sealed text in the place of the old one, unless it has changed meanwhile.
pub async fn reseal(tx: &mut Tx, website: &WebsiteRecord, document: &str) -> Result<bool> {
    Ok(execute!(tx, RESEAL, website.id.0, website.document.as_str(), document)? > 0)
}

/// Remembers the key of an SSH server unless one is remembered; gives the one that counts.
pub async fn pin(tx: &mut Tx, server: &str, fingerprint: &str, at: DateTime<Utc>) -> Result<String> {
    execute!(tx, PIN, server, fingerprint, micros(at))?;
    fetch_value!(tx, String, PINNED, server)
}

/// The key that is remembered of an SSH server.
pub async fn pinned(tx: &mut Tx, server: &str) -> Result<Option<String>> {
    fetch_optional_value!(tx, String, PINNED, server)
}

/// Forgets the key of an SSH server, so that its next one is taken; whether one was remembered.
pub async fn unpin(tx: &mut Tx, server: &str) -> Result<bool> {
    Ok(execute!(tx, UNPIN, server)? > 0)
}

#[derive(sqlx::FromRow)]
struct WebsiteRow {
    id: Uuid,
    user_id: Uuid,
    label: String,
    document: String,
    created_at: i64,
}

impl TryFrom<WebsiteRow> for WebsiteRecord {
    type Error = StoreError;

    fn try_from(row: WebsiteRow) -> Result<Self> {
        Ok(Self {
            id: WebsiteId(row.id),
            user: UserId(row.user_id),
            label: parsed("label", &row.label)?,
            document: row.document,
            created_at: moment(row.created_at)?,
        })
    }
}
