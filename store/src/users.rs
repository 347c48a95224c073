//! People who sign in.

pub(crate) mod list;
pub(crate) mod search;

use berth_core::id::UserId;
use berth_core::name::{DisplayName, Email, Login};
use berth_core::role::{Role, UserRef};
use berth_core::standing::{Deletion, Life};
use berth_core::suspension::Suspensions;
use berth_core::user::{Language, Phone, PostalAddress, Timezone};
use chrono::{DateTime, Utc};
use uuid::Uuid;

pub use list::{Visible, list};

use crate::numbers;
use crate::value::{micros, moment, moment_optional, parsed, parsed_optional};
use crate::{Result, StoreError, Tx, suspensions};

/// The columns of a [`UserRow`], from `users u`.
macro_rules! user_columns {
    () => {
        "u.id, u.login, u.email, u.display_name, u.role, u.phone, u.address, u.timezone, u.language, \
         u.owner_id, u.password_set_at, u.created_at, u.version, u.deleted_at, u.purge_at, u.purging_at"
    };
}
pub(crate) use user_columns;

statements! {
    INSERT => [
        "INSERT INTO users (id, login, email, email_key, sort_key, display_name, role, phone, address, \
         timezone, language, owner_id, password_hash, password_set_at, created_at, version) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"
    ];
    BY_ID => [concat!("SELECT ", user_columns!(), " FROM users u WHERE u.id = $1")];
    BY_LOGIN => [concat!("SELECT ", user_columns!(), " FROM users u WHERE u.login = $1")];
    BY_EMAIL => [concat!("SELECT ", user_columns!(), " FROM users u WHERE u.email_key = $1")];
    OWNER_OF_ACCOUNT => [concat!(
        "SELECT ", user_columns!(), " FROM memberships m JOIN users u ON u.id = m.user_id \
         WHERE m.account_id = $1 AND m.role = 'owner'"
    )];
    UPDATE => [
        "UPDATE users SET email = $3, email_key = $4, sort_key = $5, display_name = $6, phone = $7, \
         address = $8, timezone = $9, language = $10, version = version + 1 \
         WHERE id = $1 AND version = $2 RETURNING version"
    ];
    SET_ROLE => ["UPDATE users SET role = $2, version = version + 1 WHERE id = $1 RETURNING version"];
    SET_OWNER => ["UPDATE users SET owner_id = $2, version = version + 1 WHERE id = $1"];
    SET_PASSWORD => [
        "UPDATE users SET password_hash = $2, password_set_at = $3, version = version + 1 \
         WHERE id = $1 RETURNING version"
    ];
    REHASH => ["UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2"];
    PASSWORD_HASH => ["SELECT password_hash FROM users WHERE id = $1"];
    ENABLED_ADMINS => [
        "SELECT u.id FROM users u WHERE u.role = 'admin' AND u.deleted_at IS NULL AND NOT EXISTS \
         (SELECT 1 FROM suspensions s WHERE s.user_id = u.id AND s.reason <> 'owner') ORDER BY u.id"
    ];
    LOCK_ADMINS => [
        "SELECT id FROM users WHERE role = 'admin' ORDER BY id",
        "SELECT id FROM users WHERE role = 'admin' ORDER BY id FOR UPDATE",
    ];
}

/// A user as stored. The password's hash is not part of it; see [`password_hash`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRecord {
    /// The user.
    pub id: UserId,
    /// What they sign in with beside the address.
    pub login: Option<Login>,
    /// Sign-in and recovery address.
    pub email: Email,
    /// Name in headers and mails.
    pub display_name: DisplayName,
    /// What they may do.
    pub role: Role,
    /// Telephone number.
    pub phone: Option<Phone>,
    /// Postal address.
    pub address: Option<PostalAddress>,
    /// Time zone.
    pub timezone: Option<Timezone>,
    /// Language.
    pub language: Language,
    /// The reseller who owns the user; `None` if the installation does.
    pub owner: Option<UserId>,
    /// When the password was set last.
    pub password_set_at: Option<DateTime<Utc>>,
    /// When the user was created.
    pub created_at: DateTime<Utc>,
    /// Rises with every change; 1 at first.
    pub version: i64,
    /// Whether they are suspended, or deleted. Neither is stored with the rest of the record.
    pub life: Life,
}

impl UserRecord {
    /// What lists are ordered by: the login, or the address of somebody without one.
    fn sort_key(&self) -> String {
        self.login.as_ref().map_or_else(|| self.email.key(), |login| login.as_str().to_owned())
    }
}

/// A password's hash in PHC form. Not a plaintext, and still not for logs.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(pub String);

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// Stores a new user. Conflicts: [`UserLogin`](crate::Constraint::UserLogin),
/// [`UserEmail`](crate::Constraint::UserEmail).
pub async fn insert(tx: &mut Tx, user: &UserRecord, password: Option<&PasswordHash>) -> Result<()> {
    execute!(
        tx,
        INSERT,
        user.id.0,
        user.login.as_ref().map(Login::as_str),
        user.email.as_str(),
        user.email.key(),
        user.sort_key(),
        user.display_name.as_str(),
        user.role.as_str(),
        user.phone.as_ref().map(Phone::as_str),
        user.address.as_ref().map(PostalAddress::as_str),
        user.timezone.as_ref().map(Timezone::as_str),
        user.language.as_str(),
        user.owner.map(|owner| owner.0),
        password.map(|password| password.0.as_str()),
        user.password_set_at.map(micros),
        micros(user.created_at),
        user.version,
    )?;
    numbers::number_user(tx, user.id).await?;
    search::refresh(tx, user.id).await
}

/// The user of an id.
pub async fn by_id(tx: &mut Tx, id: UserId) -> Result<Option<UserRecord>> {
    let row = fetch_optional!(tx, UserRow, BY_ID, id.0)?;
    whole(tx, row).await
}

/// The user of a login.
pub async fn by_login(tx: &mut Tx, login: &Login) -> Result<Option<UserRecord>> {
    let row = fetch_optional!(tx, UserRow, BY_LOGIN, login.as_str())?;
    whole(tx, row).await
}

/// The user of an address, without regard to case.
pub async fn by_email(tx: &mut Tx, email: &Email) -> Result<Option<UserRecord>> {
    let row = fetch_optional!(tx, UserRow, BY_EMAIL, email.key())?;
    whole(tx, row).await
}

/// The user whom a path or argument names.
pub async fn find(tx: &mut Tx, user: &UserRef) -> Result<Option<UserRecord>> {
    match user {
        UserRef::Id(id) => by_id(tx, *id).await,
        UserRef::Login(login) => by_login(tx, login).await,
        UserRef::Email(email) => by_email(tx, email).await,
    }
}

/// The user who owns an account.
pub async fn owner_of_account(tx: &mut Tx, account: berth_core::id::AccountId) -> Result<Option<UserRecord>> {
    let row = fetch_optional!(tx, UserRow, OWNER_OF_ACCOUNT, account.0)?;
    whole(tx, row).await
}

/// Stores the profile (address, name, phone, postal address, time zone, language) of a record that was read
/// and changed. Gives the new version, or `None` if the user has changed since `user.version`.
///
/// Conflict: [`UserEmail`](crate::Constraint::UserEmail). A new display name also concerns the node: call
/// [`crate::accounts::stamp`] for the accounts that the user owns.
pub async fn update(tx: &mut Tx, user: &UserRecord) -> Result<Option<i64>> {
    let version = fetch_optional_value!(
        tx,
        i64,
        UPDATE,
        user.id.0,
        user.version,
        user.email.as_str(),
        user.email.key(),
        user.sort_key(),
        user.display_name.as_str(),
        user.phone.as_ref().map(Phone::as_str),
        user.address.as_ref().map(PostalAddress::as_str),
        user.timezone.as_ref().map(Timezone::as_str),
        user.language.as_str(),
    )?;
    if version.is_some() {
        search::refresh(tx, user.id).await?;
    }
    Ok(version)
}

/// Stores a role and gives the new version. Call [`lock_admins`] first when the role of an admin changes.
pub async fn set_role(tx: &mut Tx, id: UserId, role: Role) -> Result<Option<i64>> {
    fetch_optional_value!(tx, i64, SET_ROLE, id.0, role.as_str())
}

/// Gives a user to a reseller, or to the installation.
pub async fn set_owner(tx: &mut Tx, id: UserId, owner: Option<UserId>) -> Result<bool> {
    Ok(execute!(tx, SET_OWNER, id.0, owner.map(|owner| owner.0))? > 0)
}

/// Stores a password's hash and gives the new version.
pub async fn set_password(
    tx: &mut Tx,
    id: UserId,
    password: &PasswordHash,
    at: DateTime<Utc>,
) -> Result<Option<i64>> {
    fetch_optional_value!(tx, i64, SET_PASSWORD, id.0, password.0.as_str(), micros(at))
}

/// Replaces a hash by another one of the same password; whether it was still the old one.
pub async fn rehash(tx: &mut Tx, id: UserId, old: &PasswordHash, new: &PasswordHash) -> Result<bool> {
    Ok(execute!(tx, REHASH, id.0, old.0.as_str(), new.0.as_str())? > 0)
}

/// The hash of a user's password; `None` if there is no such user or no password.
pub async fn password_hash(tx: &mut Tx, id: UserId) -> Result<Option<PasswordHash>> {
    let hash: Option<Option<String>> = fetch_optional_value!(tx, Option<String>, PASSWORD_HASH, id.0)?;
    Ok(hash.flatten().map(PasswordHash))
}

/// The admins who can sign in, with every admin locked until the transaction ends, so that two of them can't
/// close each other out at the same time and leave none.
pub async fn lock_admins(tx: &mut Tx) -> Result<Vec<UserId>> {
    fetch_all!(tx, (Uuid,), LOCK_ADMINS)?;
    enabled_admins(tx).await
}

/// The admins who can sign in: neither suspended nor deleted.
pub async fn enabled_admins(tx: &mut Tx) -> Result<Vec<UserId>> {
    let ids = fetch_all!(tx, (Uuid,), ENABLED_ADMINS)?;
    Ok(ids.into_iter().map(|(id,)| UserId(id)).collect())
}

/// A user with what has become of them.
async fn whole(tx: &mut Tx, row: Option<UserRow>) -> Result<Option<UserRecord>> {
    let Some(row) = row else { return Ok(None) };
    Ok(all_whole(tx, vec![row]).await?.pop())
}

/// The same for several.
async fn all_whole(tx: &mut Tx, rows: Vec<UserRow>) -> Result<Vec<UserRecord>> {
    let mut users = rows.into_iter().map(UserRecord::try_from).collect::<Result<Vec<_>>>()?;
    let ids: Vec<UserId> = users.iter().map(|user| user.id).collect();
    let mut suspended = suspensions::of_users(tx, &ids).await?;
    for user in &mut users {
        user.life.suspensions = suspended.remove(&user.id).unwrap_or_default();
    }
    Ok(users)
}

#[derive(sqlx::FromRow)]
pub(crate) struct UserRow {
    id: Uuid,
    login: Option<String>,
    email: String,
    display_name: String,
    role: String,
    phone: Option<String>,
    address: Option<String>,
    timezone: Option<String>,
    language: String,
    owner_id: Option<Uuid>,
    password_set_at: Option<i64>,
    created_at: i64,
    version: i64,
    deleted_at: Option<i64>,
    purge_at: Option<i64>,
    purging_at: Option<i64>,
}

impl TryFrom<UserRow> for UserRecord {
    type Error = StoreError;

    fn try_from(row: UserRow) -> Result<Self> {
        Ok(Self {
            id: UserId(row.id),
            login: parsed_optional("login", row.login.as_deref())?,
            email: parsed("email address", &row.email)?,
            display_name: parsed("display name", &row.display_name)?,
            role: parsed("role", &row.role)?,
            phone: parsed_optional("phone number", row.phone.as_deref())?,
            address: parsed_optional("postal address", row.address.as_deref())?,
            timezone: parsed_optional("time zone", row.timezone.as_deref())?,
            language: parsed("language", &row.language)?,
            owner: row.owner_id.map(UserId),
            password_set_at: moment_optional(row.password_set_at)?,
            created_at: moment(row.created_at)?,
            version: row.version,
            life: Life {
                deletion: match row.deleted_at {
                    Some(since) => Some(Deletion {
                        since: moment(since)?,
                        purge_at: moment_optional(row.purge_at)?,
                        purging_since: moment_optional(row.purging_at)?,
                    }),
                    None => None,
                },
                suspensions: Suspensions::default(),
            },
        })
    }
}
