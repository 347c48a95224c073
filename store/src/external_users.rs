//! Users as Installatron's API knows them: what it says of them beside what every user has.

use berth_core::id::UserId;
use berth_core::name::Email;
use berth_core::website::{Locale, PackageLabel};
use uuid::Uuid;

use crate::users::{UserRecord, UserRow, Visible, user_columns};
use crate::value::{parsed, parsed_optional, signed, unsigned};
use crate::{Result, StoreError, Tx};

/// Users who are shown there; `$1` is nobody, or a reseller, or one user.
macro_rules! shown {
    ($columns:expr) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM users u LEFT JOIN external_users e ON e.user_id = u.id \
             WHERE u.login IS NOT NULL AND NOT COALESCE(e.forgotten, FALSE) \
             AND ($1 IS NULL OR u.id = $1 OR ($2 AND u.owner_id = $1))"
        )
    };
}

/// The same for PostgreSQL, which has to be told the type of a value that may be null.
macro_rules! shown_postgres {
    ($columns:expr) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM users u LEFT JOIN external_users e ON e.user_id = u.id \
             WHERE u.login IS NOT NULL AND NOT COALESCE(e.forgotten, FALSE) \
             AND ($1::uuid IS NULL OR u.id = $1 OR ($2 AND u.owner_id = $1))"
        )
    };
}
statements! {
    OF_USER => [
        "SELECT user_id, email, locale, package, created_here, forgotten FROM external_users WHERE user_id = $1"
    ];
    PUT => [
        "INSERT INTO external_users (user_id, email, locale, package, created_here, forgotten) \
         VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (user_id) DO UPDATE SET email = excluded.email, locale = excluded.locale, \
         package = excluded.package, forgotten = excluded.forgotten"
    ];
    PAGE => [
        concat!(shown!(user_columns!()), " ORDER BY u.login LIMIT $3 OFFSET $4"),
        concat!(shown_postgres!(user_columns!()), " ORDER BY u.login LIMIT $3 OFFSET $4"),
    ];
    COUNT => [shown!("count(*)"), shown_postgres!("count(*)")];
    DELETE_USER => ["DELETE FROM users WHERE id = $1"];
}

/// What is stored of a user for Installatron's API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalUserRecord {
    /// The user.
    pub user: UserId,
    /// Their contact address there, which need not be unique.
    pub email: Option<Email>,
    /// The language that they see Installatron in.
    pub locale: Locale,
    /// Their package there.
    pub package: Option<PackageLabel>,
    /// Whether the user came with this record, and goes with it.
    pub created_here: bool,
    /// Whether the user is not shown there any more.
    pub forgotten: bool,
}

/// The record of a user.
pub async fn of_user(tx: &mut Tx, user: UserId) -> Result<Option<ExternalUserRecord>> {
    fetch_optional!(tx, ExternalUserRow, OF_USER, user.0)?.map(ExternalUserRecord::try_from).transpose()
}

/// Stores a record over the one that there is. `created_here` stays as it was first.
pub async fn put(tx: &mut Tx, record: &ExternalUserRecord) -> Result<()> {
    execute!(
        tx,
        PUT,
        record.user.0,
        record.email.as_ref().map(Email::as_str),
        record.locale.as_str(),
        record.package.as_ref().map(PackageLabel::as_str),
        record.created_here,
        record.forgotten,
    )?;
    Ok(())
}

/// Some of the users who are shown, by login.
pub async fn page(tx: &mut Tx, visible: Visible, limit: u32, offset: u64) -> Result<Vec<UserRecord>> {
    let (who, owned) = of_visible(visible);
    fetch_all!(tx, UserRow, PAGE, who, owned, i64::from(limit), signed(offset))?
        .into_iter()
        .map(UserRecord::try_from)
        .collect()
}

/// How many users are shown.
pub async fn count(tx: &mut Tx, visible: Visible) -> Result<u64> {
    let (who, owned) = of_visible(visible);
    Ok(unsigned(fetch_value!(tx, i64, COUNT, who, owned)?))
}

/// Removes a user who has no account; everything of theirs goes as well. Whether there was one. A user whom
/// something else refers to, such as a reseller with users, is [`StoreError::Reference`].
pub async fn delete_user(tx: &mut Tx, user: UserId) -> Result<bool> {
    Ok(execute!(tx, DELETE_USER, user.0)? > 0)
}

const fn of_visible(visible: Visible) -> (Option<Uuid>, bool) {
    match visible {
        Visible::All => (None, true),
        Visible::OwnedBy(id) => (Some(id.0), true),
        Visible::Only(id) => (Some(id.0), false),
    }
}

#[derive(sqlx::FromRow)]
struct ExternalUserRow {
    user_id: Uuid,
    email: Option<String>,
    locale: String,
    package: Option<String>,
    created_here: bool,
    forgotten: bool,
}

impl TryFrom<ExternalUserRow> for ExternalUserRecord {
    type Error = StoreError;

    fn try_from(row: ExternalUserRow) -> Result<Self> {
        Ok(Self {
            user: UserId(row.user_id),
            email: parsed_optional("email address", row.email.as_deref())?,
            locale: parsed("language", &row.locale)?,
            package: parsed_optional("package", row.package.as_deref())?,
            created_here: row.created_here,
            forgotten: row.forgotten,
        })
    }
}
