//! Domains with their sites, and who may have which name.

use std::collections::HashMap;

use berth_core::domain::{Docroot, DomainState, HstsAge, HttpsRedirect};
use berth_core::id::{AccountId, DomainId};
use berth_core::name::Fqdn;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::numbers;
use crate::users::search;
use crate::value::{micros, moment, parsed, to_json, unsigned};
use crate::{Result, StoreError, Tx};

macro_rules! domain_columns {
    () => {
        "d.id, d.account_id, d.fqdn, d.docroot, d.state, d.is_primary, d.created_at, d.https_redirect, d.hsts"
    };
}

/// Served names that a new one can't stand beside; `$names` gives texts from a JSON list of the new names,
/// `$above` from one of the names above them.
macro_rules! claims {
    ($names:literal, $above:literal) => {
        concat!(
            "SELECT h.name, h.domain_id, d.account_id FROM host_names h JOIN domains d ON d.id = h.domain_id \
             WHERE (h.name IN (",
            $names,
            ") OR h.name IN (",
            $above,
            ") OR (h.path > $3 AND h.path < $4)) AND (d.account_id <> $5 OR h.name IN (",
            $names,
            ")) ORDER BY h.path LIMIT $6"
        )
    };
}

statements! {
    INSERT => [
        "INSERT INTO domains \
         (id, account_id, fqdn, docroot, state, is_primary, created_at, https_redirect, hsts) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
    ];
    INSERT_HOST => ["INSERT INTO host_names (name, domain_id, path, is_alias) VALUES ($1, $2, $3, $4)"];
    OF_ACCOUNT => [concat!(
        "SELECT ", domain_columns!(),
        " FROM domains d WHERE d.account_id = $1 ORDER BY d.is_primary DESC, d.fqdn"
    )];
    BY_ID => [concat!("SELECT ", domain_columns!(), " FROM domains d WHERE d.id = $1")];
    BY_FQDN => [concat!("SELECT ", domain_columns!(), " FROM domains d WHERE d.fqdn = $1")];
    ALIASES_OF_ACCOUNT => [
        "SELECT h.domain_id, h.name FROM host_names h JOIN domains d ON d.id = h.domain_id \
         WHERE d.account_id = $1 AND h.is_alias ORDER BY h.name"
    ];
    ALIASES => [
        "SELECT domain_id, name FROM host_names WHERE domain_id = $1 AND is_alias ORDER BY name"
    ];
    COUNT => ["SELECT count(*) FROM domains WHERE account_id = $1"];
    LOCK_REGISTRABLE => [
        "INSERT INTO registrable_names (name) VALUES ($1) ON CONFLICT (name) DO UPDATE SET name = excluded.name"
    ];
    CLAIMS => [
        claims!("SELECT j.value FROM json_each($1) j", "SELECT j.value FROM json_each($2) j"),
        claims!(
            "SELECT j.value FROM jsonb_array_elements_text($1::jsonb) j (value)",
            "SELECT j.value FROM jsonb_array_elements_text($2::jsonb) j (value)"
        ),
    ];
    SET_SITE => ["UPDATE domains SET docroot = $2, https_redirect = $3, hsts = $4 WHERE id = $1"];
    SET_STATE => ["UPDATE domains SET state = $2 WHERE id = $1"];
    DELETE => ["DELETE FROM domains WHERE id = $1 RETURNING account_id"];
}

/// Most claims that a check looks at: one is enough to refuse.
const CLAIMS_SEEN: i64 = 200;

/// A domain as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainRecord {
    /// The domain.
    pub id: DomainId,
    /// The account that owns it.
    pub account: AccountId,
    /// Its name.
    pub fqdn: Fqdn,
    /// Other host names of its site.
    pub aliases: Vec<Fqdn>,
    /// Where its files are.
    pub docroot: Docroot,
    /// Whether ownership is proven.
    pub state: DomainState,
    /// Whether it is the account's first.
    pub primary: bool,
    /// Whether visitors are sent to HTTPS.
    pub https_redirect: HttpsRedirect,
    /// For how long browsers remember to come by HTTPS only.
    pub hsts: Option<HstsAge>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
}

/// A served name that stands in the way of a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// How it stands in the way.
    pub kind: ClaimKind,
    /// The served name.
    pub name: Fqdn,
    /// The domain that it belongs to.
    pub domain: DomainId,
    /// The account that owns the domain.
    pub account: AccountId,
}

/// How a served name stands in the way of a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimKind {
    /// It is the name, or one of the aliases; of any account, the same one too.
    Same,
    /// The new name lies below it, and it is another account's.
    Above,
    /// It lies below the new name, and it is another account's.
    Below,
}

/// What stands in the way of serving `fqdn` and `aliases` for an account (`None`: one that is not there yet).
/// Empty means free; the answer holds until the commit if [`lock`] was called before.
pub async fn claims(
    tx: &mut Tx,
    fqdn: &Fqdn,
    aliases: &[Fqdn],
    account: Option<AccountId>,
) -> Result<Vec<Claim>> {
    let names: Vec<&str> = std::iter::once(fqdn).chain(aliases).map(Fqdn::as_str).collect();
    let above: Vec<String> = fqdn.ancestors().map(String::from).collect();
    let path = path(fqdn);
    let mut end = path.clone();
    // `/` follows `.` in ASCII: the range holds everything that begins with the path and nothing else.
    end.pop();
    end.push('/');
    let rows = fetch_all!(
        tx,
        (String, Uuid, Uuid),
        CLAIMS,
        to_json("names", &names)?,
        to_json("names", &above)?,
        path.as_str(),
        end.as_str(),
        account.map_or(Uuid::nil(), |account| account.0),
        CLAIMS_SEEN,
    )?;
    let mut claims = Vec::new();
    for (name, domain, owner) in rows {
        let kind = if names.contains(&name.as_str()) {
            ClaimKind::Same
        } else if above.contains(&name) {
            ClaimKind::Above
        } else {
            ClaimKind::Below
        };
        claims.push(Claim {
            kind,
            name: parsed("host name", &name)?,
            domain: DomainId(domain),
            account: AccountId(owner),
        });
    }
    Ok(claims)
}

/// Makes every other transaction that claims a name of the same registrable domain wait until this one ends.
/// Call it before [`claims`] in a transaction that goes on to [`insert`].
pub async fn lock(tx: &mut Tx, fqdn: &Fqdn) -> Result<()> {
    execute!(tx, LOCK_REGISTRABLE, fqdn.registrable())?;
    Ok(())
}

/// Stores a new domain with its aliases. Call [`lock`] and [`claims`] before, [`crate::accounts::stamp`] as
/// well. Conflicts: [`DomainName`](crate::Constraint::DomainName),
/// [`HostName`](crate::Constraint::HostName), [`DomainPrimary`](crate::Constraint::DomainPrimary).
pub async fn insert(tx: &mut Tx, domain: &DomainRecord) -> Result<()> {
    execute!(
        tx,
        INSERT,
        domain.id.0,
        domain.account.0,
        domain.fqdn.as_str(),
        domain.docroot.as_str(),
        domain.state.as_str(),
        domain.primary,
        micros(domain.created_at),
        domain.https_redirect.as_str(),
        domain.hsts.map(|age| i64::from(age.seconds())),
    )?;
    let hosts =
        std::iter::once((&domain.fqdn, false)).chain(domain.aliases.iter().map(|alias| (alias, true)));
    for (name, is_alias) in hosts {
        execute!(tx, INSERT_HOST, name.as_str(), domain.id.0, path(name), is_alias)?;
    }
    numbers::number_domain(tx, domain.id).await?;
    search::refresh_owner(tx, domain.account).await
}

/// Every domain of an account, the primary one first.
pub async fn of_account(tx: &mut Tx, account: AccountId) -> Result<Vec<DomainRecord>> {
    let rows = fetch_all!(tx, DomainRow, OF_ACCOUNT, account.0)?;
    let aliases = fetch_all!(tx, (Uuid, String), ALIASES_OF_ACCOUNT, account.0)?;
    with_aliases(rows, aliases)
}

/// A domain.
pub async fn by_id(tx: &mut Tx, id: DomainId) -> Result<Option<DomainRecord>> {
    let row = fetch_optional!(tx, DomainRow, BY_ID, id.0)?;
    one(tx, row).await
}

/// The domain of a name (not of an alias), whoever owns it.
pub async fn by_fqdn(tx: &mut Tx, fqdn: &Fqdn) -> Result<Option<DomainRecord>> {
    let row = fetch_optional!(tx, DomainRow, BY_FQDN, fqdn.as_str())?;
    one(tx, row).await
}

async fn one(tx: &mut Tx, row: Option<DomainRow>) -> Result<Option<DomainRecord>> {
    let Some(row) = row else { return Ok(None) };
    let aliases = fetch_all!(tx, (Uuid, String), ALIASES, row.id)?;
    Ok(with_aliases(vec![row], aliases)?.pop())
}

/// How many domains an account has.
pub async fn count(tx: &mut Tx, account: AccountId) -> Result<u64> {
    fetch_value!(tx, i64, COUNT, account.0).map(unsigned)
}

/// Changes the settings of a domain's site to what the record says. Call [`crate::accounts::stamp`] as well.
pub async fn set_site(tx: &mut Tx, domain: &DomainRecord) -> Result<()> {
    let hsts = domain.hsts.map(|age| i64::from(age.seconds()));
    let redirect = domain.https_redirect.as_str();
    match execute!(tx, SET_SITE, domain.id.0, domain.docroot.as_str(), redirect, hsts)? {
        0 => Err(StoreError::Missing { what: "domain" }),
        _ => Ok(()),
    }
}

/// Changes whether ownership is proven. Call [`crate::accounts::stamp`] as well.
pub async fn set_state(tx: &mut Tx, domain: DomainId, state: DomainState) -> Result<()> {
    match execute!(tx, SET_STATE, domain.0, state.as_str())? {
        0 => Err(StoreError::Missing { what: "domain" }),
        _ => Ok(()),
    }
}

/// Removes a domain with its aliases; whether it was there. Call [`crate::accounts::stamp`] as well.
pub async fn remove(tx: &mut Tx, domain: DomainId) -> Result<bool> {
    match fetch_optional_value!(tx, Uuid, DELETE, domain.0)? {
        Some(account) => search::refresh_owner(tx, AccountId(account)).await.map(|()| true),
        None => Ok(false),
    }
}

/// The labels of a name turned round, each with a dot behind it: `com.example.shop.`.
fn path(name: &Fqdn) -> String {
    name.as_str().rsplit('.').flat_map(|label| [label, "."]).collect()
}

fn with_aliases(rows: Vec<DomainRow>, aliases: Vec<(Uuid, String)>) -> Result<Vec<DomainRecord>> {
    let mut by_domain: HashMap<Uuid, Vec<Fqdn>> = HashMap::new();
    for (domain, name) in aliases {
        by_domain.entry(domain).or_default().push(parsed("alias", &name)?);
    }
    rows.into_iter()
        .map(|row| {
            Ok(DomainRecord {
                id: DomainId(row.id),
                account: AccountId(row.account_id),
                fqdn: parsed("domain", &row.fqdn)?,
                aliases: by_domain.remove(&row.id).unwrap_or_default(),
                docroot: parsed("document root", &row.docroot)?,
                state: parsed("state of a domain", &row.state)?,
                primary: row.is_primary,
                https_redirect: parsed("redirect", &row.https_redirect)?,
                hsts: stored_hsts(row.hsts)?,
                created_at: moment(row.created_at)?,
            })
        })
        .collect()
}

/// A stored age as its type.
pub(crate) fn stored_hsts(seconds: Option<i64>) -> Result<Option<HstsAge>> {
    seconds
        .map(|seconds| {
            HstsAge::try_from(unsigned(seconds))
                .map_err(|problem| StoreError::Corrupt { what: "hsts", why: problem.to_string() })
        })
        .transpose()
}

#[derive(sqlx::FromRow)]
struct DomainRow {
    id: Uuid,
    account_id: Uuid,
    fqdn: String,
    docroot: String,
    state: String,
    is_primary: bool,
    created_at: i64,
    https_redirect: String,
    hsts: Option<i64>,
}
