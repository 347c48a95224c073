//! What a user's sign-ins came to.

use berth_core::id::{SessionId, UserId};
use berth_core::session::LoginOutcome;
use chrono::{DateTime, Utc};

use crate::value::{micros, moment, parsed};
use crate::{Result, StoreError, Tx};

statements! {
    INSERT => [
        "INSERT INTO login_history (id, user_id, at, outcome, address, agent) VALUES ($1, $2, $3, $4, $5, $6)"
    ];
    OF_USER => [
        "SELECT at, outcome, address, agent FROM login_history WHERE user_id = $1 ORDER BY id DESC LIMIT $2"
    ];
    EXPIRE => ["DELETE FROM login_history WHERE at < $1"];
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginRecord {
    /// When.
    pub at: DateTime<Utc>,
    /// What it came to.
    pub outcome: LoginOutcome,
    /// From where.
    pub address: String,
    /// With what.
    pub agent: String,
}

/// Writes an attempt down. `id` grows with time, as every id here does.
pub async fn append(tx: &mut Tx, id: SessionId, user: UserId, login: &LoginRecord) -> Result<()> {
    execute!(
        tx,
        INSERT,
        id.0,
        user.0,
        micros(login.at),
        login.outcome.as_str(),
        login.address.as_str(),
        login.agent.as_str(),
    )?;
    Ok(())
}

/// The latest attempts at a user, newest first.
pub async fn of_user(tx: &mut Tx, user: UserId, limit: u32) -> Result<Vec<LoginRecord>> {
    fetch_all!(tx, Row, OF_USER, user.0, i64::from(limit))?.into_iter().map(LoginRecord::try_from).collect()
}

/// Forgets attempts from before a moment.
pub async fn expire(tx: &mut Tx, before: DateTime<Utc>) -> Result<u64> {
    execute!(tx, EXPIRE, micros(before))
}

#[derive(sqlx::FromRow)]
struct Row {
    at: i64,
    outcome: String,
    address: String,
    agent: String,
}

impl TryFrom<Row> for LoginRecord {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        let Row { at, outcome, address, agent } = row;
        Ok(Self { at: moment(at)?, outcome: parsed("outcome of a sign-in", &outcome)?, address, agent })
    }
}
