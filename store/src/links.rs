//! Links that let their user do one thing once.

use berth_core::id::{LinkId, UserId};
use berth_core::mail::LinkKind;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::value::{micros, moment, parsed};
use crate::{Result, StoreError, Tx};

macro_rules! columns {
    () => {
        "id, kind, user_id, created_at, expires_at"
    };
}

statements! {
    PUT => [
        "INSERT INTO links (id, kind, user_id, token_sha256, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (user_id, kind) DO UPDATE SET id = excluded.id, \
         token_sha256 = excluded.token_sha256, created_at = excluded.created_at, \
         expires_at = excluded.expires_at"
    ];
    BY_TOKEN => [concat!("SELECT ", columns!(), " FROM links WHERE token_sha256 = $1")];
    OF_USER => [concat!("SELECT ", columns!(), " FROM links WHERE user_id = $1 AND kind = $2")];
    TAKE => [concat!("DELETE FROM links WHERE token_sha256 = $1 RETURNING ", columns!())];
    DELETE_OF => ["DELETE FROM links WHERE user_id = $1"];
    EXPIRE => ["DELETE FROM links WHERE expires_at < $1"];
}

/// A link as stored, without its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkRecord {
    /// The link.
    pub id: LinkId,
    /// What it lets its user do.
    pub kind: LinkKind,
    /// Whose it is.
    pub user: UserId,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Until when it works.
    pub expires_at: DateTime<Utc>,
}

/// Stores a link with the hexadecimal SHA-256 of its token, instead of the one of that kind that its user had.
pub async fn put(tx: &mut Tx, link: &LinkRecord, token_sha256: &str) -> Result<()> {
    execute!(
        tx,
        PUT,
        link.id.0,
        link.kind.as_str(),
        link.user.0,
        token_sha256,
        micros(link.created_at),
        micros(link.expires_at),
    )?;
    Ok(())
}

/// The link of a token, by the token's hexadecimal SHA-256.
pub async fn by_token(tx: &mut Tx, token_sha256: &str) -> Result<Option<LinkRecord>> {
    fetch_optional!(tx, Row, BY_TOKEN, token_sha256)?.map(LinkRecord::try_from).transpose()
}

/// The link of a kind that a user has.
pub async fn of_user(tx: &mut Tx, user: UserId, kind: LinkKind) -> Result<Option<LinkRecord>> {
    fetch_optional!(tx, Row, OF_USER, user.0, kind.as_str())?.map(LinkRecord::try_from).transpose()
}

/// Uses a link up: whoever gets it is the only one.
pub async fn take(tx: &mut Tx, token_sha256: &str) -> Result<Option<LinkRecord>> {
    fetch_optional!(tx, Row, TAKE, token_sha256)?.map(LinkRecord::try_from).transpose()
}

/// Takes every link of a user back.
pub async fn delete_of(tx: &mut Tx, user: UserId) -> Result<u64> {
    execute!(tx, DELETE_OF, user.0)
}

/// Forgets links that ended before a moment.
pub async fn expire(tx: &mut Tx, before: DateTime<Utc>) -> Result<u64> {
    execute!(tx, EXPIRE, micros(before))
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    kind: String,
    user_id: Uuid,
    created_at: i64,
    expires_at: i64,
}

impl TryFrom<Row> for LinkRecord {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: LinkId(row.id),
            kind: parsed("kind of a link", &row.kind)?,
            user: UserId(row.user_id),
            created_at: moment(row.created_at)?,
            expires_at: moment(row.expires_at)?,
        })
    }
}
