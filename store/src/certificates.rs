//! Certificates of sites: one row for each domain whose ownership is proven.

use berth_core::Problem;
use berth_core::certificate::Fingerprint;
use berth_core::id::{AccountId, DomainId};
use berth_core::name::Fqdn;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::value::{from_json, micros, moment, moment_optional, parsed, parsed_optional, to_json, unsigned};
use crate::{Result, Tx};

pub mod accounts;
pub mod orders;

macro_rules! certificate_columns {
    () => {
        "c.domain_id, c.fingerprint, c.names, c.issuer, c.not_before, c.not_after, c.due_at, c.forced, \
         c.attempts, c.attempted_at, c.problems"
    };
}

macro_rules! claim {
    ($lock:literal) => {
        concat!(
            "UPDATE certificates SET due_at = $2 WHERE domain_id IN \
             (SELECT domain_id FROM certificates WHERE due_at <= $1 ORDER BY due_at LIMIT $3",
            $lock,
            ") RETURNING domain_id"
        )
    };
}

macro_rules! deliverable {
    ($list:literal) => {
        concat!(
            "SELECT domain_id, fingerprint, names, chain, private_key FROM certificates \
             WHERE fingerprint IN (",
            $list,
            ") AND chain IS NOT NULL AND private_key IS NOT NULL"
        )
    };
}

statements! {
    ENROL => [
        "INSERT INTO certificates (domain_id, due_at) VALUES ($1, $2) ON CONFLICT (domain_id) DO NOTHING"
    ];
    BY_DOMAIN => [concat!(
        "SELECT ", certificate_columns!(), " FROM certificates c WHERE c.domain_id = $1"
    )];
    OF_ACCOUNT => [concat!(
        "SELECT ", certificate_columns!(),
        " FROM certificates c JOIN domains d ON d.id = c.domain_id WHERE d.account_id = $1"
    )];
    IS_DUE => ["SELECT domain_id FROM certificates WHERE due_at <= $1 LIMIT 1"];
    CLAIM => [claim!(""), claim!(" FOR UPDATE SKIP LOCKED")];
    STORE => [
        "UPDATE certificates SET fingerprint = $2, names = $3, issuer = $4, chain = $5, private_key = $6, \
         not_before = $7, not_after = $8, due_at = $9, problems = $10, attempted_at = $11, attempts = 0, \
         forced = FALSE WHERE domain_id = $1"
    ];
    POSTPONE => [
        "UPDATE certificates SET due_at = $2, problems = $3, attempted_at = $4, attempts = attempts + $5 \
         WHERE domain_id = $1"
    ];
    FORCE => [
        "UPDATE certificates SET due_at = $2, forced = TRUE, attempts = 0 WHERE domain_id = $1"
    ];
    DELIVERABLE => [
        deliverable!("SELECT j.value FROM json_each($1) j"),
        deliverable!("SELECT j.value FROM jsonb_array_elements_text($1::jsonb) j (value)"),
    ];
}

/// Where the certificate of a domain stands, without its text and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateRecord {
    /// The domain.
    pub domain: DomainId,
    /// The newest certificate, if there ever was one.
    pub fingerprint: Option<Fingerprint>,
    /// The names that it is valid for.
    pub names: Vec<Fqdn>,
    /// Who issued it.
    pub issuer: Option<String>,
    /// From when it is valid.
    pub not_before: Option<DateTime<Utc>>,
    /// When it ends.
    pub not_after: Option<DateTime<Utc>>,
    /// When something is to be done next.
    pub due_at: DateTime<Utc>,
    /// Whether somebody asked for a new one.
    pub forced: bool,
    /// Attempts in a row that failed.
    pub attempts: u64,
    /// When the last attempt was.
    pub attempted_at: Option<DateTime<Utc>>,
    /// What went wrong last.
    pub problems: Vec<Problem>,
}

/// A certificate that was issued.
#[derive(Clone)]
pub struct Issued {
    /// Which one.
    pub fingerprint: Fingerprint,
    /// The names that it is valid for.
    pub names: Vec<Fqdn>,
    /// Who issued it.
    pub issuer: String,
    /// It and those that vouch for it, in PEM.
    pub chain: String,
    /// Its key, sealed.
    pub sealed_key: String,
    /// From when it is valid.
    pub not_before: DateTime<Utc>,
    /// When it ends.
    pub not_after: DateTime<Utc>,
}

/// A certificate as a node gets it, its key still sealed.
#[derive(Clone)]
pub struct Deliverable {
    /// The domain that it was issued for, which the key is sealed for.
    pub domain: DomainId,
    /// Which one.
    pub fingerprint: Fingerprint,
    /// The names that it is valid for.
    pub names: Vec<Fqdn>,
    /// It and those that vouch for it, in PEM.
    pub chain: String,
    /// Its key, sealed.
    pub sealed_key: String,
}

/// Has a domain get certificates from `due` on.
pub async fn enrol(tx: &mut Tx, domain: DomainId, due: DateTime<Utc>) -> Result<()> {
    execute!(tx, ENROL, domain.0, micros(due))?;
    Ok(())
}

/// Where the certificate of a domain stands; nothing for one that gets none.
pub async fn by_domain(tx: &mut Tx, domain: DomainId) -> Result<Option<CertificateRecord>> {
    fetch_optional!(tx, CertificateRow, BY_DOMAIN, domain.0)?.map(CertificateRow::record).transpose()
}

/// The same for every domain of an account, in no particular order.
pub async fn of_account(tx: &mut Tx, account: AccountId) -> Result<Vec<CertificateRecord>> {
    fetch_all!(tx, CertificateRow, OF_ACCOUNT, account.0)?.into_iter().map(CertificateRow::record).collect()
}

/// Whether there is anything for [`claim`] to take, without writing.
pub async fn is_due(tx: &mut Tx, now: DateTime<Utc>) -> Result<bool> {
    Ok(fetch_optional_value!(tx, Uuid, IS_DUE, micros(now))?.is_some())
}

/// Takes domains for which something is to be done now. Nobody else gets them before `until`, also if whoever
/// took them dies.
pub async fn claim(
    tx: &mut Tx,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
    limit: u32,
) -> Result<Vec<DomainId>> {
    let ids = fetch_all!(tx, (Uuid,), CLAIM, micros(now), micros(until), i64::from(limit))?;
    Ok(ids.into_iter().map(|(id,)| DomainId(id)).collect())
}

/// Stores a new certificate in the place of the one before; whether the domain still gets any. `problems` are
/// about names that had to be left out. Call [`crate::accounts::stamp`] as well.
pub async fn store(
    tx: &mut Tx,
    domain: DomainId,
    issued: &Issued,
    due: DateTime<Utc>,
    problems: &[Problem],
    at: DateTime<Utc>,
) -> Result<bool> {
    let changed = execute!(
        tx,
        STORE,
        domain.0,
        issued.fingerprint.as_str(),
        to_json("names", &issued.names)?,
        issued.issuer.as_str(),
        issued.chain.as_str(),
        issued.sealed_key.as_str(),
        micros(issued.not_before),
        micros(issued.not_after),
        micros(due),
        to_json("problems", problems)?,
        micros(at),
    )?;
    Ok(changed > 0)
}

/// Puts a domain back until `due`. With `failed` the attempt counts as one that failed.
pub async fn postpone(
    tx: &mut Tx,
    domain: DomainId,
    due: DateTime<Utc>,
    problems: &[Problem],
    at: DateTime<Utc>,
    failed: bool,
) -> Result<()> {
    execute!(
        tx,
        POSTPONE,
        domain.0,
        micros(due),
        to_json("problems", problems)?,
        micros(at),
        i64::from(failed)
    )?;
    Ok(())
}

/// Has a new certificate ordered from `due` on, whatever is there.
pub async fn force(tx: &mut Tx, domain: DomainId, due: DateTime<Utc>) -> Result<bool> {
    Ok(execute!(tx, FORCE, domain.0, micros(due))? > 0)
}

/// The certificates with these fingerprints, as far as they are there.
pub async fn deliverable(tx: &mut Tx, fingerprints: &[Fingerprint]) -> Result<Vec<Deliverable>> {
    if fingerprints.is_empty() {
        return Ok(Vec::new());
    }
    let list = to_json("fingerprints", fingerprints)?;
    fetch_all!(tx, (Uuid, String, String, String, String), DELIVERABLE, list)?
        .into_iter()
        .map(|(domain, fingerprint, names, chain, sealed_key)| {
            Ok(Deliverable {
                domain: DomainId(domain),
                fingerprint: parsed("fingerprint", &fingerprint)?,
                names: from_json("names", &names)?,
                chain,
                sealed_key,
            })
        })
        .collect()
}

#[derive(sqlx::FromRow)]
struct CertificateRow {
    domain_id: Uuid,
    fingerprint: Option<String>,
    names: String,
    issuer: Option<String>,
    not_before: Option<i64>,
    not_after: Option<i64>,
    due_at: i64,
    forced: bool,
    attempts: i64,
    attempted_at: Option<i64>,
    problems: String,
}

impl CertificateRow {
    fn record(self) -> Result<CertificateRecord> {
        Ok(CertificateRecord {
            domain: DomainId(self.domain_id),
            fingerprint: parsed_optional("fingerprint", self.fingerprint.as_deref())?,
            names: from_json("names", &self.names)?,
            issuer: self.issuer,
            not_before: moment_optional(self.not_before)?,
            not_after: moment_optional(self.not_after)?,
            due_at: moment(self.due_at)?,
            forced: self.forced,
            attempts: unsigned(self.attempts),
            attempted_at: moment_optional(self.attempted_at)?,
            problems: from_json("problems", &self.problems)?,
        })
    }
}
