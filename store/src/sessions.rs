//! Sessions of the panel.

use berth_core::id::{ImpersonationId, SessionId, UserId};
use berth_core::role::Role;
use berth_core::session::SessionState;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::users::{UserRecord, UserRow, user_columns};
use crate::value::{micros, moment, moment_optional, parsed};
use crate::{Result, StoreError, Tx};

macro_rules! columns {
    () => {
        "s.id, s.user_id, s.state, s.agent, s.address, s.created_at, s.used_at, s.confirmed_at, s.expires_at, \
         s.impersonation_id"
    };
}

statements! {
    INSERT => [
        "INSERT INTO sessions (id, token_sha256, user_id, state, agent, address, created_at, used_at, \
         confirmed_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
    ];
    BY_TOKEN => [concat!(
        "SELECT ", columns!(), ", u.login AS user_login, u.email AS user_email, \
         u.display_name AS user_display_name, u.role AS user_role, u.language AS user_language, \
         i.user_id AS other_id, i.reason AS other_reason, i.expires_at AS other_expires_at, \
         t.login AS other_login, t.email AS other_email, t.display_name AS other_display_name, \
         t.role AS other_role, t.language AS other_language \
         FROM sessions s JOIN users u ON u.id = s.user_id \
         LEFT JOIN impersonations i ON i.id = s.impersonation_id AND i.ended_at IS NULL \
         LEFT JOIN users t ON t.id = i.user_id \
         WHERE s.token_sha256 = $1"
    )];
    USER_OF => [concat!(
        "SELECT ", user_columns!(), " FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = $1"
    )];
    BY_ID => [concat!("SELECT ", columns!(), " FROM sessions s WHERE s.id = $1")];
    OF_USER => [concat!("SELECT ", columns!(), " FROM sessions s WHERE s.user_id = $1 ORDER BY s.id DESC")];
    USED => ["UPDATE sessions SET used_at = $2, address = $3 WHERE id = $1 AND used_at < $2"];
    SET_STATE => [
        "UPDATE sessions SET state = $2, token_sha256 = $3, confirmed_at = $4, used_at = $4, expires_at = $5 \
         WHERE id = $1"
    ];
    CONFIRM => ["UPDATE sessions SET confirmed_at = $2 WHERE id = $1"];
    IMPERSONATE => ["UPDATE sessions SET impersonation_id = $2 WHERE id = $1"];
    DELETE => ["DELETE FROM sessions WHERE id = $1"];
    DELETE_OF => ["DELETE FROM sessions WHERE user_id = $1"];
    DELETE_OTHERS => ["DELETE FROM sessions WHERE user_id = $1 AND id <> $2"];
    TRIM => [
        "DELETE FROM sessions WHERE user_id = $1 AND id NOT IN \
         (SELECT s.id FROM sessions s WHERE s.user_id = $1 ORDER BY s.id DESC LIMIT $2)"
    ];
    EXPIRE => ["DELETE FROM sessions WHERE expires_at < $1"];
}

/// A session as stored, without its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRecord {
    /// The session.
    pub id: SessionId,
    /// Who signed in.
    pub user: UserId,
    /// How far.
    pub state: SessionState,
    /// With what.
    pub agent: String,
    /// From where the last time.
    pub address: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// The last use, to the minute.
    pub used_at: DateTime<Utc>,
    /// When the password was given last.
    pub confirmed_at: DateTime<Utc>,
    /// Until when at most.
    pub expires_at: DateTime<Utc>,
    /// In somebody else's place by this grant.
    pub impersonation: Option<ImpersonationId>,
}

/// Of a user, what every request of a session needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionUser {
    /// The user.
    pub id: UserId,
    /// Their login or address.
    pub name: String,
    /// Their name.
    pub display_name: String,
    /// Their role now.
    pub role: Role,
    /// Their language.
    pub language: berth_core::user::Language,
}

/// A session with whom it stands for, read in one go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenSession {
    /// The session.
    pub session: SessionRecord,
    /// Who signed in.
    pub user: SessionUser,
    /// In whose place they act, why and until when; a grant that was ended is not here.
    pub in_place_of: Option<(SessionUser, String, DateTime<Utc>)>,
}

/// Stores a new session with the hexadecimal SHA-256 of its token.
pub async fn insert(tx: &mut Tx, session: &SessionRecord, token_sha256: &str) -> Result<()> {
    execute!(
        tx,
        INSERT,
        session.id.0,
        token_sha256,
        session.user.0,
        session.state.as_str(),
        session.agent.as_str(),
        session.address.as_str(),
        micros(session.created_at),
        micros(session.used_at),
        micros(session.confirmed_at),
        micros(session.expires_at),
    )?;
    Ok(())
}

/// The session of a token, by the token's hexadecimal SHA-256.
pub async fn by_token(tx: &mut Tx, token_sha256: &str) -> Result<Option<OpenSession>> {
    fetch_optional!(tx, OpenRow, BY_TOKEN, token_sha256)?.map(OpenSession::try_from).transpose()
}

/// The session of an id.
pub async fn by_id(tx: &mut Tx, id: SessionId) -> Result<Option<SessionRecord>> {
    fetch_optional!(tx, Row, BY_ID, id.0)?.map(SessionRecord::try_from).transpose()
}

/// Whose session it is.
pub async fn user_of(tx: &mut Tx, id: SessionId) -> Result<Option<UserRecord>> {
    fetch_optional!(tx, UserRow, USER_OF, id.0)?.map(UserRecord::try_from).transpose()
}

/// Every session of a user, newest first; those that have run out too, until they are forgotten.
pub async fn of_user(tx: &mut Tx, user: UserId) -> Result<Vec<SessionRecord>> {
    fetch_all!(tx, Row, OF_USER, user.0)?.into_iter().map(SessionRecord::try_from).collect()
}

/// Notes that a session was used, and from where.
pub async fn used(tx: &mut Tx, id: SessionId, at: DateTime<Utc>, address: &str) -> Result<()> {
    execute!(tx, USED, id.0, micros(at), address)?;
    Ok(())
}

/// Lets a session go on under a new token in another state.
pub async fn set_state(
    tx: &mut Tx,
    id: SessionId,
    state: SessionState,
    token_sha256: &str,
    at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
) -> Result<bool> {
    Ok(execute!(tx, SET_STATE, id.0, state.as_str(), token_sha256, micros(at), micros(expires_at))? > 0)
}

/// Ends the oldest sessions of a user beyond a number.
pub async fn trim(tx: &mut Tx, user: UserId, keep: u32) -> Result<u64> {
    execute!(tx, TRIM, user.0, i64::from(keep))
}

/// Notes that the password was given again.
pub async fn confirm(tx: &mut Tx, id: SessionId, at: DateTime<Utc>) -> Result<()> {
    execute!(tx, CONFIRM, id.0, micros(at))?;
    Ok(())
}

/// Lets a session act in somebody's place, or for its own user again.
pub async fn impersonate(tx: &mut Tx, id: SessionId, grant: Option<ImpersonationId>) -> Result<()> {
    execute!(tx, IMPERSONATE, id.0, grant.map(|grant| grant.0))?;
    Ok(())
}

/// Ends a session; whether it was there.
pub async fn delete(tx: &mut Tx, id: SessionId) -> Result<bool> {
    Ok(execute!(tx, DELETE, id.0)? > 0)
}

/// Ends every session of a user but one, and says how many those were.
pub async fn delete_of(tx: &mut Tx, user: UserId, but: Option<SessionId>) -> Result<u64> {
    if let Some(kept) = but {
        execute!(tx, DELETE_OTHERS, user.0, kept.0)
    } else {
        execute!(tx, DELETE_OF, user.0)
    }
}

/// Forgets sessions that ended before a moment.
pub async fn expire(tx: &mut Tx, before: DateTime<Utc>) -> Result<u64> {
    execute!(tx, EXPIRE, micros(before))
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    user_id: Uuid,
    state: String,
    agent: String,
    address: String,
    created_at: i64,
    used_at: i64,
    confirmed_at: i64,
    expires_at: i64,
    impersonation_id: Option<Uuid>,
}

impl TryFrom<Row> for SessionRecord {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: SessionId(row.id),
            user: UserId(row.user_id),
            state: parsed("state of a session", &row.state)?,
            agent: row.agent,
            address: row.address,
            created_at: moment(row.created_at)?,
            used_at: moment(row.used_at)?,
            confirmed_at: moment(row.confirmed_at)?,
            expires_at: moment(row.expires_at)?,
            impersonation: row.impersonation_id.map(ImpersonationId),
        })
    }
}

#[derive(sqlx::FromRow)]
struct OpenRow {
    #[sqlx(flatten)]
    session: Row,
    user_login: Option<String>,
    user_email: String,
    user_display_name: String,
    user_role: String,
    user_language: String,
    other_id: Option<Uuid>,
    other_reason: Option<String>,
    other_expires_at: Option<i64>,
    other_login: Option<String>,
    other_email: Option<String>,
    other_display_name: Option<String>,
    other_role: Option<String>,
    other_language: Option<String>,
}

impl TryFrom<OpenRow> for OpenSession {
    type Error = StoreError;

    fn try_from(row: OpenRow) -> Result<Self> {
        let session = SessionRecord::try_from(row.session)?;
        let user = SessionUser {
            id: session.user,
            name: row.user_login.unwrap_or(row.user_email),
            display_name: row.user_display_name,
            role: parsed("role", &row.user_role)?,
            language: parsed("language", &row.user_language)?,
        };
        let until = moment_optional(row.other_expires_at)?;
        let in_place_of = match (row.other_id, row.other_email, row.other_role, row.other_language, until) {
            (Some(id), Some(email), Some(role), Some(language), Some(until)) => {
                let other = SessionUser {
                    id: UserId(id),
                    name: row.other_login.unwrap_or(email),
                    display_name: row.other_display_name.unwrap_or_default(),
                    role: parsed("role", &role)?,
                    language: parsed("language", &language)?,
                };
                Some((other, row.other_reason.unwrap_or_default(), until))
            }
            _ => None,
        };
        Ok(Self { session, user, in_place_of })
    }
}
