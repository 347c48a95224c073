//! Who works in which account.

use berth_core::id::{AccountId, UserId};
use berth_core::user::MemberRole;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::users::search;
use crate::value::{micros, moment};
use crate::{Result, StoreError, Tx};

statements! {
    INSERT => ["INSERT INTO memberships (user_id, account_id, role, created_at) VALUES ($1, $2, $3, $4)"];
    OF_ACCOUNT => [
        "SELECT user_id, account_id, role, created_at FROM memberships WHERE account_id = $1 ORDER BY user_id"
    ];
    OF_USER => [
        "SELECT user_id, account_id, role, created_at FROM memberships WHERE user_id = $1 ORDER BY account_id"
    ];
    OWNER => ["SELECT user_id FROM memberships WHERE account_id = $1 AND role = 'owner'"];
    ROLE => ["SELECT role FROM memberships WHERE user_id = $1 AND account_id = $2"];
}

/// A user's place in an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MembershipRecord {
    /// The user.
    pub user: UserId,
    /// The account.
    pub account: AccountId,
    /// What they may do there.
    pub role: MemberRole,
    /// Since when.
    pub created_at: DateTime<Utc>,
}

/// Stores a membership. Conflicts: [`Membership`](crate::Constraint::Membership),
/// [`AccountOwner`](crate::Constraint::AccountOwner).
pub async fn insert(tx: &mut Tx, membership: &MembershipRecord) -> Result<()> {
    execute!(
        tx,
        INSERT,
        membership.user.0,
        membership.account.0,
        membership.role.as_str(),
        micros(membership.created_at),
    )?;
    search::refresh(tx, membership.user).await
}

/// Everybody who works in an account.
pub async fn of_account(tx: &mut Tx, account: AccountId) -> Result<Vec<MembershipRecord>> {
    fetch_all!(tx, MembershipRow, OF_ACCOUNT, account.0)?
        .into_iter()
        .map(MembershipRecord::try_from)
        .collect()
}

/// Every account that a user works in.
pub async fn of_user(tx: &mut Tx, user: UserId) -> Result<Vec<MembershipRecord>> {
    fetch_all!(tx, MembershipRow, OF_USER, user.0)?.into_iter().map(MembershipRecord::try_from).collect()
}

/// Who owns an account.
pub async fn owner(tx: &mut Tx, account: AccountId) -> Result<Option<UserId>> {
    Ok(fetch_optional_value!(tx, Uuid, OWNER, account.0)?.map(UserId))
}

/// What a user may do in an account.
pub async fn role(tx: &mut Tx, user: UserId, account: AccountId) -> Result<Option<MemberRole>> {
    fetch_optional_value!(tx, String, ROLE, user.0, account.0)?.as_deref().map(member_role).transpose()
}

pub(crate) fn member_role(text: &str) -> Result<MemberRole> {
    [MemberRole::Owner, MemberRole::Manager, MemberRole::Viewer]
        .into_iter()
        .find(|role| role.as_str() == text)
        .ok_or_else(|| StoreError::Corrupt { what: "membership", why: format!("`{text}` is not a role") })
}

#[derive(sqlx::FromRow)]
struct MembershipRow {
    user_id: Uuid,
    account_id: Uuid,
    role: String,
    created_at: i64,
}

impl TryFrom<MembershipRow> for MembershipRecord {
    type Error = StoreError;

    fn try_from(row: MembershipRow) -> Result<Self> {
        Ok(Self {
            user: UserId(row.user_id),
            account: AccountId(row.account_id),
            role: member_role(&row.role)?,
            created_at: moment(row.created_at)?,
        })
    }
}
