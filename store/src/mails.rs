//! Mail and what became of it. What is still to be sent is in the outbox, under the id of the mail.

use berth_core::id::{InvitationId, MailId, UserId};
use berth_core::mail::{MailKind, MailState};
use berth_core::name::Email;
use berth_core::user::Language;
use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::value::{from_json, micros, moment, moment_optional, parsed, to_json};
use crate::{Result, StoreError, Tx};

macro_rules! columns {
    () => {
        "m.id, m.kind, m.user_id, m.invitation_id, m.address, m.language, m.detail, m.state, m.problem, \
         m.created_at, m.done_at"
    };
}

statements! {
    INSERT => [
        "INSERT INTO mails (id, kind, user_id, invitation_id, address, language, detail, state, problem, \
         created_at, done_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
    ];
    BY_ID => [concat!("SELECT ", columns!(), " FROM mails m WHERE m.id = $1")];
    OF_USER => [concat!(
        "SELECT ", columns!(), " FROM mails m WHERE m.user_id = $1 ORDER BY m.id DESC LIMIT $2"
    )];
    LATEST_OF_INVITATION => [concat!(
        "SELECT ", columns!(), " FROM mails m WHERE m.invitation_id = $1 ORDER BY m.id DESC LIMIT 1"
    )];
    SET_STATE => ["UPDATE mails SET state = $2, problem = $3, done_at = $4 WHERE id = $1"];
    EXPIRE => ["DELETE FROM mails WHERE created_at < $1 AND state <> 'waiting'"];
}

/// A mail as stored. What it says is put together when it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailRecord {
    /// The mail.
    pub id: MailId,
    /// What it is about.
    pub kind: MailKind,
    /// The user whom it concerns.
    pub user: Option<UserId>,
    /// The invitation that it brings.
    pub invitation: Option<InvitationId>,
    /// Where it goes.
    pub address: Email,
    /// In which language.
    pub language: Language,
    /// What its text names beside that. Never a secret.
    pub detail: Value,
    /// What became of it.
    pub state: MailState,
    /// Why it has not been sent.
    pub problem: Option<String>,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// When it was sent or given up.
    pub done_at: Option<DateTime<Utc>>,
}

/// Stores a new mail.
pub async fn insert(tx: &mut Tx, mail: &MailRecord) -> Result<()> {
    execute!(
        tx,
        INSERT,
        mail.id.0,
        mail.kind.as_str(),
        mail.user.map(|user| user.0),
        mail.invitation.map(|invitation| invitation.0),
        mail.address.as_str(),
        mail.language.as_str(),
        to_json("detail of a mail", &mail.detail)?,
        mail.state.as_str(),
        mail.problem.as_deref(),
        micros(mail.created_at),
        mail.done_at.map(micros),
    )?;
    Ok(())
}

/// The mail of an id.
pub async fn by_id(tx: &mut Tx, id: MailId) -> Result<Option<MailRecord>> {
    fetch_optional!(tx, Row, BY_ID, id.0)?.map(MailRecord::try_from).transpose()
}

/// The newest mails to a user.
pub async fn of_user(tx: &mut Tx, user: UserId, limit: u32) -> Result<Vec<MailRecord>> {
    fetch_all!(tx, Row, OF_USER, user.0, i64::from(limit))?.into_iter().map(MailRecord::try_from).collect()
}

/// The newest mail that brings an invitation.
pub async fn of_invitation(tx: &mut Tx, invitation: InvitationId) -> Result<Option<MailRecord>> {
    fetch_optional!(tx, Row, LATEST_OF_INVITATION, invitation.0)?.map(MailRecord::try_from).transpose()
}

/// Notes what became of a mail.
pub async fn set_state(
    tx: &mut Tx,
    id: MailId,
    state: MailState,
    problem: Option<&str>,
    done_at: Option<DateTime<Utc>>,
) -> Result<()> {
    execute!(tx, SET_STATE, id.0, state.as_str(), problem, done_at.map(micros))?;
    Ok(())
}

/// Forgets mails from before a moment that were sent or given up.
pub async fn expire(tx: &mut Tx, before: DateTime<Utc>) -> Result<u64> {
    execute!(tx, EXPIRE, micros(before))
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    kind: String,
    user_id: Option<Uuid>,
    invitation_id: Option<Uuid>,
    address: String,
    language: String,
    detail: String,
    state: String,
    problem: Option<String>,
    created_at: i64,
    done_at: Option<i64>,
}

impl TryFrom<Row> for MailRecord {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: MailId(row.id),
            kind: parsed("kind of a mail", &row.kind)?,
            user: row.user_id.map(UserId),
            invitation: row.invitation_id.map(InvitationId),
            address: parsed("email address", &row.address)?,
            language: parsed("language", &row.language)?,
            detail: from_json("detail of a mail", &row.detail)?,
            state: parsed("state of a mail", &row.state)?,
            problem: row.problem,
            created_at: moment(row.created_at)?,
            done_at: moment_optional(row.done_at)?,
        })
    }
}
