//! Proof of ownership: one row for each domain that is pending.

use berth_core::Problem;
use berth_core::id::{AccountId, DomainId};
use berth_core::ownership::OwnershipToken;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::value::{from_json, micros, moment, moment_optional, parsed, to_json, unsigned};
use crate::{Result, Tx};

macro_rules! proof_columns {
    () => {
        "p.domain_id, p.token, p.created_at, p.attempts, p.checked_at, p.due_at, p.problem"
    };
}

macro_rules! claim {
    ($lock:literal) => {
        concat!(
            "UPDATE domain_proofs SET due_at = $2 WHERE domain_id IN \
             (SELECT domain_id FROM domain_proofs WHERE due_at IS NOT NULL AND due_at <= $1 \
             ORDER BY due_at LIMIT $3",
            $lock,
            ") RETURNING domain_id"
        )
    };
}

statements! {
    INSERT => ["INSERT INTO domain_proofs (domain_id, token, created_at, due_at) VALUES ($1, $2, $3, $4)"];
    BY_DOMAIN => [concat!("SELECT ", proof_columns!(), " FROM domain_proofs p WHERE p.domain_id = $1")];
    OF_ACCOUNT => [concat!(
        "SELECT ", proof_columns!(),
        " FROM domain_proofs p JOIN domains d ON d.id = p.domain_id WHERE d.account_id = $1"
    )];
    IS_DUE => ["SELECT domain_id FROM domain_proofs WHERE due_at <= $1 LIMIT 1"];
    CLAIM => [claim!(""), claim!(" FOR UPDATE SKIP LOCKED")];
    CHECKED => [
        "UPDATE domain_proofs SET attempts = attempts + 1, checked_at = $2, due_at = $3, problem = $4 \
         WHERE domain_id = $1"
    ];
    DELETE => ["DELETE FROM domain_proofs WHERE domain_id = $1"];
}

/// How far the proof of a pending domain is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofRecord {
    /// The domain.
    pub domain: DomainId,
    /// What its owner publishes.
    pub token: OwnershipToken,
    /// When the domain was added.
    pub created_at: DateTime<Utc>,
    /// How often it was looked for.
    pub attempts: u64,
    /// When it was last looked for.
    pub checked_at: Option<DateTime<Utc>>,
    /// When it is looked for next; never again by itself if empty.
    pub due_at: Option<DateTime<Utc>>,
    /// What was found instead.
    pub problem: Option<Problem>,
}

/// Asks for the proof of a domain that was just added. Berth looks for it by itself from `due` on.
pub async fn insert(
    tx: &mut Tx,
    domain: DomainId,
    token: &OwnershipToken,
    at: DateTime<Utc>,
    due: DateTime<Utc>,
) -> Result<()> {
    execute!(tx, INSERT, domain.0, token.as_str(), micros(at), micros(due))?;
    Ok(())
}

/// The proof that a domain waits for, if it does.
pub async fn by_domain(tx: &mut Tx, domain: DomainId) -> Result<Option<ProofRecord>> {
    fetch_optional!(tx, ProofRow, BY_DOMAIN, domain.0)?.map(ProofRow::record).transpose()
}

/// The proofs that domains of an account wait for, in no particular order.
pub async fn of_account(tx: &mut Tx, account: AccountId) -> Result<Vec<ProofRecord>> {
    fetch_all!(tx, ProofRow, OF_ACCOUNT, account.0)?.into_iter().map(ProofRow::record).collect()
}

/// Whether there is anything for [`claim`] to take, without writing.
pub async fn is_due(tx: &mut Tx, now: DateTime<Utc>) -> Result<bool> {
    Ok(fetch_optional_value!(tx, Uuid, IS_DUE, micros(now))?.is_some())
}

/// Takes domains whose proof is to be looked for now. Nobody else gets them before `until`.
pub async fn claim(
    tx: &mut Tx,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
    limit: u32,
) -> Result<Vec<DomainId>> {
    let ids = fetch_all!(tx, (Uuid,), CLAIM, micros(now), micros(until), i64::from(limit))?;
    Ok(ids.into_iter().map(|(id,)| DomainId(id)).collect())
}

/// Notes that the proof was looked for and is not there.
pub async fn checked(
    tx: &mut Tx,
    domain: DomainId,
    at: DateTime<Utc>,
    due: Option<DateTime<Utc>>,
    problem: &Problem,
) -> Result<()> {
    execute!(tx, CHECKED, domain.0, micros(at), due.map(micros), to_json("problem", problem)?)?;
    Ok(())
}

/// Ends the waiting, because ownership is proven.
pub async fn remove(tx: &mut Tx, domain: DomainId) -> Result<()> {
    execute!(tx, DELETE, domain.0)?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct ProofRow {
    domain_id: Uuid,
    token: String,
    created_at: i64,
    attempts: i64,
    checked_at: Option<i64>,
    due_at: Option<i64>,
    problem: Option<String>,
}

impl ProofRow {
    fn record(self) -> Result<ProofRecord> {
        Ok(ProofRecord {
            domain: DomainId(self.domain_id),
            token: parsed("token of ownership", &self.token)?,
            created_at: moment(self.created_at)?,
            attempts: unsigned(self.attempts),
            checked_at: moment_optional(self.checked_at)?,
            due_at: moment_optional(self.due_at)?,
            problem: self.problem.map(|text| from_json("problem", &text)).transpose()?,
        })
    }
}
