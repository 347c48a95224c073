//! Hosting accounts and their generations.
//!
//! A generation says when an account changed last, counted per node. Whatever changes what a node shall do
//! for an account gives it the node's next generation ([`stamp`]) in the same transaction. Taking the number
//! locks the node's row until the transaction ends, so generations of a node become visible in their order:
//! a node that has seen generation 7 can't find a 6 later. Generations are unique within a node (a constraint
//! of the schema), so a page that ends after any generation ends between two accounts. Together that means
//! that "generation above my last one, in order, at most n" never skips an account.

use berth_core::account::Uid;
use berth_core::condition::{Condition, Convergence, convergence};
use berth_core::id::{AccountId, NodeId, PackageId, UserId};
use berth_core::name::{Fqdn, PackageName, Username};
use berth_core::user::MemberRole;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::memberships::member_role;
use crate::value::{
    from_json, micros, moment, moment_optional, parsed, parsed_optional, signed, to_json, unsigned,
};
use crate::{Result, StoreError, Tx};

macro_rules! account_columns {
    () => {
        "a.id, a.username, a.uid, a.node_id, a.package_id, a.sftp_enabled, a.generation, \
         a.observed_generation, a.created_at"
    };
}

/// The accounts of some users; `$ids` gives the ids from a JSON list.
macro_rules! of_users {
    ($ids:literal) => {
        concat!(
            "SELECT ",
            account_columns!(),
            ", m.user_id, m.role AS membership, p.name AS package, n.name AS node, d.fqdn AS primary_domain, \
             c.conditions, c.reported_at \
             FROM memberships m \
             JOIN accounts a ON a.id = m.account_id \
             JOIN packages p ON p.id = a.package_id \
             JOIN nodes n ON n.id = a.node_id \
             LEFT JOIN domains d ON d.account_id = a.id AND d.is_primary \
             LEFT JOIN account_conditions c ON c.account_id = a.id \
             WHERE m.user_id IN (",
            $ids,
            ") ORDER BY m.user_id, m.created_at, a.id"
        )
    };
}

statements! {
    INSERT => [
        "INSERT INTO accounts (id, kind, username, uid, node_id, package_id, sftp_enabled, generation, \
         observed_generation, created_at) VALUES ($1, 'hosted', $2, $3, $4, $5, $6, $7, $8, $9)"
    ];
    BY_ID => [concat!("SELECT ", account_columns!(), " FROM accounts a WHERE a.id = $1")];
    BY_USERNAME => [concat!("SELECT ", account_columns!(), " FROM accounts a WHERE a.username = $1")];
    OF_USERS => [
        of_users!("SELECT unhex(j.value) FROM json_each($1) j"),
        of_users!("SELECT j.value::uuid FROM jsonb_array_elements_text($1::jsonb) j (value)"),
    ];
    SET_SFTP => ["UPDATE accounts SET sftp_enabled = $2 WHERE id = $1"];
    SET_PACKAGE => ["UPDATE accounts SET package_id = $2 WHERE id = $1"];
    NEXT_UID => ["UPDATE id_allocation SET next = next + 1 WHERE kind = 'uid' RETURNING next - 1"];
    PASS_UID => ["UPDATE id_allocation SET next = $1 + 1 WHERE kind = 'uid' AND next <= $1"];
    NEXT_GENERATION => [
        "UPDATE nodes SET generation = generation + 1 \
         WHERE id = (SELECT node_id FROM accounts WHERE id = $1) RETURNING generation"
    ];
    SET_GENERATION => ["UPDATE accounts SET generation = $2 WHERE id = $1"];
    LOCK_NODES => [
        "SELECT id, generation FROM nodes ORDER BY id",
        "SELECT id, generation FROM nodes ORDER BY id FOR UPDATE",
    ];
    STAMP_PACKAGE => [
        "UPDATE accounts SET generation = $3 + ranked.place \
         FROM (SELECT id, row_number() OVER (ORDER BY id) AS place FROM accounts \
               WHERE package_id = $1 AND node_id = $2) AS ranked \
         WHERE accounts.id = ranked.id"
    ];
    RAISE_GENERATION => ["UPDATE nodes SET generation = generation + $2 WHERE id = $1"];
    UNSYNCED => [
        "SELECT id, generation FROM accounts \
         WHERE node_id = $1 AND generation <> observed_generation ORDER BY generation LIMIT $2"
    ];
}

/// An account as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRecord {
    /// The account.
    pub id: AccountId,
    /// Name of the Unix account.
    pub username: Username,
    /// Number of the Unix account and of its group.
    pub uid: Uid,
    /// Where it lives.
    pub node: NodeId,
    /// Its package.
    pub package: PackageId,
    /// The owner's own switch for file transfer.
    pub sftp_enabled: bool,
    /// Its newest generation.
    pub generation: u64,
    /// The newest generation that its node has reported on.
    pub observed_generation: u64,
    /// When it was created.
    pub created_at: DateTime<Utc>,
}

/// An account with what belongs beside it in an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountOverview {
    /// The account.
    pub account: AccountRecord,
    /// A user who works in it.
    pub user: UserId,
    /// What that user may do in it.
    pub membership: MemberRole,
    /// The name of its package.
    pub package: PackageName,
    /// The name of its node.
    pub node: String,
    /// Its first domain.
    pub primary_domain: Option<Fqdn>,
    /// What the node said last.
    pub conditions: Vec<Condition>,
    /// When it said so.
    pub reported_at: Option<DateTime<Utc>>,
}

impl AccountOverview {
    /// How the account is as a whole.
    pub fn state(&self) -> Convergence {
        convergence(self.account.generation, self.account.observed_generation, &self.conditions)
    }
}

/// Takes the next numeric id. It is gone for good once the transaction commits, whatever becomes of the
/// account. On PostgreSQL this makes creates queue until the end of the transaction, so call it late.
pub async fn allocate_uid(tx: &mut Tx) -> Result<Uid> {
    let number = fetch_value!(tx, i64, NEXT_UID)?;
    u32::try_from(number).ok().and_then(|number| Uid::try_from(number).ok()).ok_or(StoreError::IdsExhausted)
}

/// Counts on from behind a number that is known to be taken, such as one that an account got after the backup
/// that this database was restored from. Numbers never go back.
pub async fn pass_uid(tx: &mut Tx, taken: Uid) -> Result<()> {
    execute!(tx, PASS_UID, i64::from(taken.get()))?;
    Ok(())
}

/// Stores a new account; its generation is one from [`crate::nodes::next_generation`].
///
/// Conflicts: [`AccountUsername`](crate::Constraint::AccountUsername). A package or node that is not there is
/// [`StoreError::Reference`].
pub async fn insert(tx: &mut Tx, account: &AccountRecord) -> Result<()> {
    execute!(
        tx,
        INSERT,
        account.id.0,
        account.username.as_str(),
        i64::from(account.uid.get()),
        account.node.0,
        account.package.0,
        account.sftp_enabled,
        signed(account.generation),
        signed(account.observed_generation),
        micros(account.created_at),
    )?;
    Ok(())
}

/// The account of an id.
pub async fn by_id(tx: &mut Tx, id: AccountId) -> Result<Option<AccountRecord>> {
    fetch_optional!(tx, AccountRow, BY_ID, id.0)?.map(AccountRecord::try_from).transpose()
}

/// The account of a username.
pub async fn by_username(tx: &mut Tx, username: &Username) -> Result<Option<AccountRecord>> {
    fetch_optional!(tx, AccountRow, BY_USERNAME, username.as_str())?.map(AccountRecord::try_from).transpose()
}

/// The accounts that some users work in, the oldest membership of each user first: one statement for a whole
/// page of users.
pub async fn of_users(tx: &mut Tx, users: &[UserId]) -> Result<Vec<AccountOverview>> {
    // Plain hexadecimal is what both `unhex` and a cast to UUID read.
    let ids: Vec<String> = users.iter().map(|user| user.0.simple().to_string()).collect();
    fetch_all!(tx, OverviewRow, OF_USERS, to_json("ids", &ids)?)?
        .into_iter()
        .map(AccountOverview::try_from)
        .collect()
}

/// The account that a user has, or the first of several: what verbs that name a user act on.
pub async fn of_user(tx: &mut Tx, user: UserId) -> Result<Option<AccountOverview>> {
    Ok(of_users(tx, &[user]).await?.into_iter().next())
}

/// Gives an account its node's next generation: call it once in every transaction that changes anything that
/// the node shall do for the account (domains, keys, switches, the owner's name). Gives that generation.
pub async fn stamp(tx: &mut Tx, account: AccountId) -> Result<u64> {
    let generation = fetch_optional_value!(tx, i64, NEXT_GENERATION, account.0)?
        .ok_or(StoreError::Missing { what: "account" })?;
    execute!(tx, SET_GENERATION, account.0, generation)?;
    Ok(unsigned(generation))
}

/// Gives every account of a package a new generation of its own, after the package was changed, in one
/// statement per node. Gives the nodes that have something to do now.
pub async fn stamp_package(tx: &mut Tx, package: PackageId) -> Result<Vec<NodeId>> {
    // The locks come first: an account that is being created waits for us or is seen below, so that none
    // keeps the limits of before.
    let mut touched = Vec::new();
    for (node, generation) in fetch_all!(tx, (Uuid, i64), LOCK_NODES)? {
        let accounts = execute!(tx, STAMP_PACKAGE, package.0, node, generation)?;
        if accounts > 0 {
            execute!(tx, RAISE_GENERATION, node, signed(accounts))?;
            touched.push(NodeId(node));
        }
    }
    Ok(touched)
}

/// Switches file transfer. Call [`stamp`] as well.
pub async fn set_sftp(tx: &mut Tx, account: AccountId, enabled: bool) -> Result<()> {
    match execute!(tx, SET_SFTP, account.0, enabled)? {
        0 => Err(StoreError::Missing { what: "account" }),
        _ => Ok(()),
    }
}

/// Gives an account another package. Call [`stamp`] before. [`StoreError::Reference`] if there is no such package.
pub async fn set_package(tx: &mut Tx, account: AccountId, package: PackageId) -> Result<()> {
    match execute!(tx, SET_PACKAGE, account.0, package.0)? {
        0 => Err(StoreError::Missing { what: "account" }),
        _ => Ok(()),
    }
}

/// Accounts of a node whose newest generation the node has not reported on, oldest change first. Reads a
/// partial index that holds nothing else, so it costs nothing while there is nothing to do.
pub async fn unsynced(tx: &mut Tx, node: NodeId, limit: u32) -> Result<Vec<(AccountId, u64)>> {
    let rows = fetch_all!(tx, (Uuid, i64), UNSYNCED, node.0, i64::from(limit))?;
    Ok(rows.into_iter().map(|(id, generation)| (AccountId(id), unsigned(generation))).collect())
}

#[derive(sqlx::FromRow)]
struct AccountRow {
    id: Uuid,
    username: String,
    uid: i64,
    node_id: Uuid,
    package_id: Uuid,
    sftp_enabled: bool,
    generation: i64,
    observed_generation: i64,
    created_at: i64,
}

impl TryFrom<AccountRow> for AccountRecord {
    type Error = StoreError;

    fn try_from(row: AccountRow) -> Result<Self> {
        Ok(Self {
            id: AccountId(row.id),
            username: parsed("username", &row.username)?,
            uid: stored_uid(row.uid)?,
            node: NodeId(row.node_id),
            package: PackageId(row.package_id),
            sftp_enabled: row.sftp_enabled,
            generation: unsigned(row.generation),
            observed_generation: unsigned(row.observed_generation),
            created_at: moment(row.created_at)?,
        })
    }
}

pub(crate) fn stored_uid(number: i64) -> Result<Uid> {
    u32::try_from(number)
        .ok()
        .and_then(|number| Uid::try_from(number).ok())
        .ok_or_else(|| StoreError::Corrupt { what: "uid", why: format!("{number} is out of range") })
}

#[derive(sqlx::FromRow)]
struct OverviewRow {
    #[sqlx(flatten)]
    account: AccountRow,
    user_id: Uuid,
    membership: String,
    package: String,
    node: String,
    primary_domain: Option<String>,
    conditions: Option<String>,
    reported_at: Option<i64>,
}

impl TryFrom<OverviewRow> for AccountOverview {
    type Error = StoreError;

    fn try_from(row: OverviewRow) -> Result<Self> {
        Ok(Self {
            account: row.account.try_into()?,
            user: UserId(row.user_id),
            membership: member_role(&row.membership)?,
            package: parsed("package name", &row.package)?,
            node: row.node,
            primary_domain: parsed_optional("primary domain", row.primary_domain.as_deref())?,
            conditions: row
                .conditions
                .map(|text| from_json("conditions", &text))
                .transpose()?
                .unwrap_or_default(),
            reported_at: moment_optional(row.reported_at)?,
        })
    }
}
