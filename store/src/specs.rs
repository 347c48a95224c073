//! What a node pulls: snapshots of its accounts, a page at a time.

use std::collections::HashMap;

use berth_core::egress::EgressRule;
use berth_core::id::{AccountId, DomainId, NodeId};
use berth_core::name::Fqdn;
use berth_core::plan::{AccountSnapshot, DomainSnapshot};
use berth_core::ssh_key::SshPublicKey;
use berth_core::standing::Standing;
use uuid::Uuid;

use crate::accounts::stored_uid;
use crate::domains::stored_hsts;
use crate::egress_rules::stored_rule;
use crate::timers;
use crate::value::{from_json, parsed, parsed_optional, signed, unsigned};
use crate::web_users;
use crate::{Result, Tx};

/// The accounts of a page, whose generations lie between two bounds.
macro_rules! of_page {
    ($columns:literal, $join:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM accounts a ",
            $join,
            " WHERE a.node_id = $1 AND a.generation > $2 AND a.generation <= $3"
        )
    };
}

statements! {
    ACCOUNTS => [
        "SELECT a.id, a.generation, a.username, a.uid, a.sftp_enabled, p.limits, p.features, \
         COALESCE(u.display_name, a.username) AS display_name, \
         u.deleted_at IS NOT NULL AS deleted, u.purging_at IS NOT NULL AS purging, \
         EXISTS (SELECT 1 FROM suspensions s WHERE s.user_id = u.id AND s.level = 'full') AS suspended \
         FROM accounts a JOIN packages p ON p.id = a.package_id \
         LEFT JOIN memberships m ON m.account_id = a.id AND m.role = 'owner' \
         LEFT JOIN users u ON u.id = m.user_id \
         WHERE a.node_id = $1 AND a.generation > $2 ORDER BY a.generation LIMIT $3"
    ];
    DOMAINS => [of_page!(
        "d.account_id, d.id, d.fqdn, d.docroot, d.is_primary, d.https_redirect, d.hsts, c.fingerprint",
        "JOIN domains d ON d.account_id = a.id \
         LEFT JOIN certificates c ON c.domain_id = d.id AND d.state = 'active'"
    )];
    ALIASES => [of_page!(
        "d.id, h.name",
        "JOIN domains d ON d.account_id = a.id AND d.state = 'active' \
         JOIN host_names h ON h.domain_id = d.id AND h.is_alias"
    )];
    EGRESS_RULES => [of_page!(
        "e.account_id, e.network, e.port, e.protocol",
        "JOIN egress_rules e ON e.account_id = a.id"
    )];
    SSH_KEYS => [of_page!("k.account_id, k.public_key", "JOIN ssh_keys k ON k.account_id = a.id")];
}

/// A page of snapshots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpecPage {
    /// The accounts, oldest change first. The generation of the last one is the next cursor.
    pub accounts: Vec<AccountSnapshot>,
    /// Whether there are more after them.
    pub more: bool,
}

/// At most `limit` accounts of a node whose generation is above `cursor`, in the order of their generations,
/// in seven statements however many they are. Use a transaction of [`crate::Store::read`]: it sees one moment.
///
/// No account is ever left out between two pages; [`crate::accounts`] says why. A domain whose ownership is
/// not proven comes without its aliases: it is served for its own name only.
pub async fn newer_than(tx: &mut Tx, node: NodeId, cursor: u64, limit: u32) -> Result<SpecPage> {
    let limit = limit.max(1);
    let mut rows =
        fetch_all!(tx, AccountRow, ACCOUNTS, node.0, signed(cursor), i64::from(limit).saturating_add(1))?;
    let size = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > size;
    rows.truncate(size);
    let Some(last) = rows.last().map(|row| row.generation) else {
        return Ok(SpecPage { accounts: Vec::new(), more: false });
    };
    let mut domains = page_domains(tx, node, cursor, last).await?;
    let mut keys: HashMap<Uuid, Vec<SshPublicKey>> = HashMap::new();
    for (account, key) in fetch_all!(tx, (Uuid, String), SSH_KEYS, node.0, signed(cursor), last)? {
        keys.entry(account).or_default().push(parsed("SSH key", &key)?);
    }
    let mut rules: HashMap<Uuid, Vec<EgressRule>> = HashMap::new();
    let found = fetch_all!(tx, (Uuid, String, String, String), EGRESS_RULES, node.0, signed(cursor), last)?;
    for (account, network, port, protocol) in found {
        rules.entry(account).or_default().push(stored_rule(&network, &port, &protocol)?);
    }
    let mut timers = timers::of_page(tx, node, cursor, last).await?;
    let mut web_users = web_users::of_page(tx, node, cursor, last).await?;
    let accounts = rows
        .into_iter()
        .map(|row| {
            Ok(AccountSnapshot {
                account: AccountId(row.id),
                generation: unsigned(row.generation),
                username: parsed("username", &row.username)?,
                uid: stored_uid(row.uid)?,
                display_name: parsed("display name", &row.display_name)?,
                standing: row.life.standing(),
                sftp_enabled: row.sftp_enabled,
                limits: from_json("limits", &row.limits)?,
                features: from_json("features", &row.features)?,
                domains: domains.remove(&row.id).unwrap_or_default(),
                egress_rules: rules.remove(&row.id).unwrap_or_default(),
                ssh_keys: keys.remove(&row.id).unwrap_or_default(),
                timers: timers.remove(&row.id).unwrap_or_default(),
                web_users: web_users.remove(&row.id).unwrap_or_default(),
            })
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(SpecPage { accounts, more })
}

/// The domains of a page of accounts, by account.
async fn page_domains(
    tx: &mut Tx,
    node: NodeId,
    cursor: u64,
    last: i64,
) -> Result<HashMap<Uuid, Vec<DomainSnapshot>>> {
    let mut aliases: HashMap<Uuid, Vec<Fqdn>> = HashMap::new();
    for (domain, name) in fetch_all!(tx, (Uuid, String), ALIASES, node.0, signed(cursor), last)? {
        aliases.entry(domain).or_default().push(parsed("alias", &name)?);
    }
    let mut domains: HashMap<Uuid, Vec<DomainSnapshot>> = HashMap::new();
    for row in fetch_all!(tx, DomainRow, DOMAINS, node.0, signed(cursor), last)? {
        domains.entry(row.account_id).or_default().push(DomainSnapshot {
            domain: DomainId(row.id),
            fqdn: parsed("domain", &row.fqdn)?,
            aliases: aliases.remove(&row.id).unwrap_or_default(),
            docroot: parsed("document root", &row.docroot)?,
            primary: row.is_primary,
            certificate: parsed_optional("fingerprint", row.fingerprint.as_deref())?,
            https_redirect: parsed("redirect", &row.https_redirect)?,
            hsts: stored_hsts(row.hsts)?,
        });
    }
    Ok(domains)
}

#[derive(sqlx::FromRow)]
struct AccountRow {
    id: Uuid,
    generation: i64,
    username: String,
    uid: i64,
    sftp_enabled: bool,
    limits: String,
    features: String,
    display_name: String,
    #[sqlx(flatten)]
    life: LifeRow,
}

#[derive(sqlx::FromRow)]
struct LifeRow {
    deleted: bool,
    purging: bool,
    suspended: bool,
}

impl LifeRow {
    const fn standing(&self) -> Standing {
        match (self.purging, self.deleted, self.suspended) {
            (true, ..) => Standing::Purged,
            (false, true, _) => Standing::Trashed,
            (false, false, true) => Standing::Suspended,
            (false, false, false) => Standing::Open,
        }
    }
}

#[derive(sqlx::FromRow)]
struct DomainRow {
    account_id: Uuid,
    id: Uuid,
    fqdn: String,
    docroot: String,
    is_primary: bool,
    https_redirect: String,
    hsts: Option<i64>,
    fingerprint: Option<String>,
}
