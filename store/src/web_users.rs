//! Web users of sites, and whether those of a site may use scripts.

use std::collections::HashMap;

use berth_core::account::Uid;
use berth_core::id::{DomainId, NodeId};
use berth_core::spec::WebUserSpec;
use berth_core::web_user::{CryptHash, WebService, WebUserId, WebUserLogin, WebUserQuota};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::accounts::stored_uid;
use crate::numbers;
use crate::value::{from_json, micros, moment, parsed, parsed_optional, signed, to_json, unsigned};
use crate::{Result, StoreError, Tx};

macro_rules! columns {
    () => {
        "w.number, w.domain_id, w.login, w.uid, w.password_hash, w.quota, w.services, w.created_at"
    };
}

statements! {
    INSERT => [
        "INSERT INTO web_users \
         (number, domain_id, login, login_key, uid, password_hash, quota, services, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
    ];
    BY_NUMBER => [concat!("SELECT ", columns!(), " FROM web_users w WHERE w.number = $1")];
    BY_KEY => [concat!("SELECT ", columns!(), " FROM web_users w WHERE w.login_key = $1")];
    OF_DOMAIN => [concat!("SELECT ", columns!(), " FROM web_users w WHERE w.domain_id = $1 ORDER BY w.number")];
    UPDATE => ["UPDATE web_users SET password_hash = $2, quota = $3, services = $4 WHERE number = $1"];
    DELETE => ["DELETE FROM web_users WHERE number = $1"];
    SCRIPTS_OFF => ["SELECT domain_id FROM web_scripts_off WHERE domain_id = $1"];
    SWITCH_OFF => ["INSERT INTO web_scripts_off (domain_id) VALUES ($1) ON CONFLICT (domain_id) DO NOTHING"];
    SWITCH_ON => ["DELETE FROM web_scripts_off WHERE domain_id = $1"];
    OF_PAGE => [concat!(
        "SELECT a.id AS account_id, s.domain_id AS scripts_off, ", columns!(),
        " FROM accounts a JOIN domains d ON d.account_id = a.id \
         JOIN web_users w ON w.domain_id = d.id LEFT JOIN web_scripts_off s ON s.domain_id = d.id \
         WHERE a.node_id = $1 AND a.generation > $2 AND a.generation <= $3"
    )];
}

/// A web user as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebUserRecord {
    /// Their number.
    pub number: WebUserId,
    /// The site that they belong to.
    pub domain: DomainId,
    /// What they sign in with.
    pub login: WebUserLogin,
    /// Number of their Unix account.
    pub uid: Uid,
    /// Their password; without one nobody gets in.
    pub password: Option<CryptHash>,
    /// How much they may store.
    pub quota: Option<WebUserQuota>,
    /// What their site may do.
    pub services: Vec<WebService>,
    /// When they were added.
    pub created_at: DateTime<Utc>,
}

/// Takes the next number of a web user. It is gone for good once the transaction commits.
pub async fn next_number(tx: &mut Tx) -> Result<WebUserId> {
    numbers::next(tx, "web_user").await.map(WebUserId)
}

/// Stores a new web user. Call [`crate::accounts::stamp`] as well. Conflict:
/// [`WebUserLogin`](crate::Constraint::WebUserLogin).
pub async fn insert(tx: &mut Tx, user: &WebUserRecord) -> Result<()> {
    execute!(
        tx,
        INSERT,
        user.number.0,
        user.domain.0,
        user.login.as_str(),
        user.login.key(),
        i64::from(user.uid.get()),
        user.password.as_ref().map(CryptHash::as_str),
        user.quota.map(|quota| signed(quota.bytes())),
        to_json("services", &user.services)?,
        micros(user.created_at),
    )?;
    Ok(())
}

/// The web user of a number.
pub async fn by_number(tx: &mut Tx, number: WebUserId) -> Result<Option<WebUserRecord>> {
    fetch_optional!(tx, WebUserRow, BY_NUMBER, number.0)?.map(WebUserRecord::try_from).transpose()
}

/// The web user of a login in lower case, whatever the case of its letters is.
pub async fn by_key(tx: &mut Tx, key: &str) -> Result<Option<WebUserRecord>> {
    fetch_optional!(tx, WebUserRow, BY_KEY, key)?.map(WebUserRecord::try_from).transpose()
}

/// Every web user of a site, the oldest first.
pub async fn of_domain(tx: &mut Tx, domain: DomainId) -> Result<Vec<WebUserRecord>> {
    fetch_all!(tx, WebUserRow, OF_DOMAIN, domain.0)?.into_iter().map(WebUserRecord::try_from).collect()
}

/// Stores password, quota and services. Call [`crate::accounts::stamp`] as well.
pub async fn update(tx: &mut Tx, user: &WebUserRecord) -> Result<()> {
    let quota = user.quota.map(|quota| signed(quota.bytes()));
    let password = user.password.as_ref().map(CryptHash::as_str);
    match execute!(tx, UPDATE, user.number.0, password, quota, to_json("services", &user.services)?)? {
        0 => Err(StoreError::Missing { what: "web user" }),
        _ => Ok(()),
    }
}

/// Removes a web user; whether they were there. Call [`crate::accounts::stamp`] as well.
pub async fn remove(tx: &mut Tx, number: WebUserId) -> Result<bool> {
    Ok(execute!(tx, DELETE, number.0)? > 0)
}

/// Whether web users of a site may use scripts.
pub async fn scripts(tx: &mut Tx, domain: DomainId) -> Result<bool> {
    Ok(fetch_optional_value!(tx, Uuid, SCRIPTS_OFF, domain.0)?.is_none())
}

/// Lets web users of a site use scripts or not. Call [`crate::accounts::stamp`] as well.
pub async fn set_scripts(tx: &mut Tx, domain: DomainId, on: bool) -> Result<()> {
    let statement = if on { SWITCH_ON } else { SWITCH_OFF };
    execute!(tx, statement, domain.0)?;
    Ok(())
}

/// The web users of a page of accounts, by account, as a node is told of them.
pub(crate) async fn of_page(
    tx: &mut Tx,
    node: NodeId,
    cursor: u64,
    last: i64,
) -> Result<HashMap<Uuid, Vec<WebUserSpec>>> {
    let mut found: HashMap<Uuid, Vec<WebUserSpec>> = HashMap::new();
    for row in fetch_all!(tx, PageRow, OF_PAGE, node.0, signed(cursor), last)? {
        let scripts = row.scripts_off.is_none();
        let user = WebUserRecord::try_from(row.user)?;
        found.entry(row.account_id).or_default().push(WebUserSpec {
            php: scripts && user.services.contains(&WebService::Php),
            login: user.login,
            uid: user.uid,
            domain: user.domain,
            password: user.password,
            quota: user.quota,
        });
    }
    Ok(found)
}

#[derive(sqlx::FromRow)]
struct PageRow {
    account_id: Uuid,
    scripts_off: Option<Uuid>,
    #[sqlx(flatten)]
    user: WebUserRow,
}

#[derive(sqlx::FromRow)]
struct WebUserRow {
    number: i64,
    domain_id: Uuid,
    login: String,
    uid: i64,
    password_hash: Option<String>,
    quota: Option<i64>,
    services: String,
    created_at: i64,
}

impl TryFrom<WebUserRow> for WebUserRecord {
    type Error = StoreError;

    fn try_from(row: WebUserRow) -> Result<Self> {
        let quota = row.quota.map(|bytes| WebUserQuota::try_from(unsigned(bytes))).transpose();
        Ok(Self {
            number: WebUserId(row.number),
            domain: DomainId(row.domain_id),
            login: parsed("login of a web user", &row.login)?,
            uid: stored_uid(row.uid)?,
            password: parsed_optional("password of a web user", row.password_hash.as_deref())?,
            quota: quota
                .map_err(|problem| StoreError::Corrupt { what: "quota", why: problem.to_string() })?,
            services: from_json("services", &row.services)?,
            created_at: moment(row.created_at)?,
        })
    }
}
