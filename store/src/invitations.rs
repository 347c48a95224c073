//! People who may become users, because they were invited or because they registered.

use berth_core::id::{InvitationId, UserId};
use berth_core::mail::InvitationOrigin;
use berth_core::name::{Email, PackageName};
use berth_core::role::Role;
use berth_core::user::Language;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::value::{micros, moment, moment_optional, parsed, parsed_optional, signed, unsigned};
use crate::{Result, StoreError, Tx};

macro_rules! columns {
    () => {
        "v.id, v.origin, v.email, v.role, v.package, v.language, v.owner_id, v.invited_by, v.generation, \
         v.created_at, v.expires_at, v.approved_at, v.accepted_at, v.revoked_at, v.user_id"
    };
}

statements! {
    INSERT => [
        "INSERT INTO invitations (id, origin, email, email_key, role, package, language, owner_id, invited_by, \
         token_sha256, generation, created_at, expires_at, approved_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
    ];
    BY_ID => [concat!("SELECT ", columns!(), " FROM invitations v WHERE v.id = $1")];
    BY_TOKEN => [concat!("SELECT ", columns!(), " FROM invitations v WHERE v.token_sha256 = $1")];
    PENDING_OF => [concat!(
        "SELECT ", columns!(), " FROM invitations v \
         WHERE v.email_key = $1 AND v.accepted_at IS NULL AND v.revoked_at IS NULL"
    )];
    ALL => [concat!("SELECT ", columns!(), " FROM invitations v ORDER BY v.id DESC LIMIT $1")];
    OF_OWNER => [concat!(
        "SELECT ", columns!(), " FROM invitations v WHERE v.owner_id = $1 ORDER BY v.id DESC LIMIT $2"
    )];
    RENEW => [
        "UPDATE invitations SET generation = $2, token_sha256 = $3, expires_at = $4, approved_at = $5 \
         WHERE id = $1 AND accepted_at IS NULL AND revoked_at IS NULL"
    ];
    ACCEPT => [
        "UPDATE invitations SET accepted_at = $2, user_id = $3 \
         WHERE id = $1 AND accepted_at IS NULL AND revoked_at IS NULL"
    ];
    REVOKE => [
        "UPDATE invitations SET revoked_at = $2 WHERE id = $1 AND accepted_at IS NULL AND revoked_at IS NULL"
    ];
}

/// An invitation as stored, without its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitationRecord {
    /// The invitation.
    pub id: InvitationId,
    /// Whether somebody invited them, or they registered.
    pub origin: InvitationOrigin,
    /// Their address.
    pub email: Email,
    /// What they will be.
    pub role: Role,
    /// The package of their account.
    pub package: Option<PackageName>,
    /// The language of the mail.
    pub language: Language,
    /// The reseller whose customer they become.
    pub owner: Option<UserId>,
    /// Who invited them, for people.
    pub invited_by: String,
    /// Rises with every new token.
    pub generation: u64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Until when it can be accepted.
    pub expires_at: DateTime<Utc>,
    /// When it was approved; before that no link works.
    pub approved_at: Option<DateTime<Utc>>,
    /// When it was accepted.
    pub accepted_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// Who came of it.
    pub user: Option<UserId>,
}

/// Stores a new invitation with the hexadecimal SHA-256 of its token. Conflict:
/// [`InvitationPending`](crate::Constraint::InvitationPending).
pub async fn insert(tx: &mut Tx, invitation: &InvitationRecord, token_sha256: &str) -> Result<()> {
    execute!(
        tx,
        INSERT,
        invitation.id.0,
        invitation.origin.as_str(),
        invitation.email.as_str(),
        invitation.email.key(),
        invitation.role.as_str(),
        invitation.package.as_ref().map(PackageName::as_str),
        invitation.language.as_str(),
        invitation.owner.map(|owner| owner.0),
        invitation.invited_by.as_str(),
        token_sha256,
        signed(invitation.generation),
        micros(invitation.created_at),
        micros(invitation.expires_at),
        invitation.approved_at.map(micros),
    )?;
    Ok(())
}

/// The invitation of an id.
pub async fn by_id(tx: &mut Tx, id: InvitationId) -> Result<Option<InvitationRecord>> {
    fetch_optional!(tx, Row, BY_ID, id.0)?.map(InvitationRecord::try_from).transpose()
}

/// The invitation of a token, by the token's hexadecimal SHA-256.
pub async fn by_token(tx: &mut Tx, token_sha256: &str) -> Result<Option<InvitationRecord>> {
    fetch_optional!(tx, Row, BY_TOKEN, token_sha256)?.map(InvitationRecord::try_from).transpose()
}

/// The invitation of an address that was neither accepted nor revoked; it may have expired.
pub async fn pending_of(tx: &mut Tx, email: &Email) -> Result<Option<InvitationRecord>> {
    fetch_optional!(tx, Row, PENDING_OF, email.key())?.map(InvitationRecord::try_from).transpose()
}

/// The newest invitations, of a reseller or of everybody.
pub async fn list(tx: &mut Tx, owner: Option<UserId>, limit: u32) -> Result<Vec<InvitationRecord>> {
    match owner {
        Some(owner) => fetch_all!(tx, Row, OF_OWNER, owner.0, i64::from(limit))?,
        None => fetch_all!(tx, Row, ALL, i64::from(limit))?,
    }
    .into_iter()
    .map(InvitationRecord::try_from)
    .collect()
}

/// Gives an open invitation another token, so that the one from before is nothing; whether it was open.
pub async fn renew(tx: &mut Tx, invitation: &InvitationRecord, token_sha256: &str) -> Result<bool> {
    let done = execute!(
        tx,
        RENEW,
        invitation.id.0,
        signed(invitation.generation),
        token_sha256,
        micros(invitation.expires_at),
        invitation.approved_at.map(micros),
    )?;
    Ok(done > 0)
}

/// Notes who came of an invitation; whether it was open.
pub async fn accept(tx: &mut Tx, id: InvitationId, user: UserId, at: DateTime<Utc>) -> Result<bool> {
    Ok(execute!(tx, ACCEPT, id.0, micros(at), user.0)? > 0)
}

/// Takes an invitation back; whether it was open.
pub async fn revoke(tx: &mut Tx, id: InvitationId, at: DateTime<Utc>) -> Result<bool> {
    Ok(execute!(tx, REVOKE, id.0, micros(at))? > 0)
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    origin: String,
    email: String,
    role: String,
    package: Option<String>,
    language: String,
    owner_id: Option<Uuid>,
    invited_by: String,
    generation: i64,
    created_at: i64,
    expires_at: i64,
    approved_at: Option<i64>,
    accepted_at: Option<i64>,
    revoked_at: Option<i64>,
    user_id: Option<Uuid>,
}

impl TryFrom<Row> for InvitationRecord {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: InvitationId(row.id),
            origin: parsed("origin of an invitation", &row.origin)?,
            email: parsed("email address", &row.email)?,
            role: parsed("role", &row.role)?,
            package: parsed_optional("package name", row.package.as_deref())?,
            language: parsed("language", &row.language)?,
            owner: row.owner_id.map(UserId),
            invited_by: row.invited_by,
            generation: unsigned(row.generation),
            created_at: moment(row.created_at)?,
            expires_at: moment(row.expires_at)?,
            approved_at: moment_optional(row.approved_at)?,
            accepted_at: moment_optional(row.accepted_at)?,
            revoked_at: moment_optional(row.revoked_at)?,
            user: row.user_id.map(UserId),
        })
    }
}
