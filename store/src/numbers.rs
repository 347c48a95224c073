//! Numbers for dialects whose ids are integers: dense, and never used again, whatever row goes.

use berth_core::id::{DomainId, UserId};
use uuid::Uuid;

use crate::value::to_json;
use crate::{Result, StoreError, Tx};

statements! {
    NEXT => ["UPDATE id_allocation SET next = next + 1 WHERE kind = $1 RETURNING next - 1"];
    INSERT_USER => ["INSERT INTO user_numbers (number, user_id) VALUES ($1, $2)"];
    INSERT_DOMAIN => ["INSERT INTO domain_numbers (number, domain_id) VALUES ($1, $2)"];
    OF_USERS => [
        "SELECT user_id, number FROM user_numbers \
         WHERE user_id IN (SELECT unhex(j.value) FROM json_each($1) j) ORDER BY number",
        "SELECT user_id, number FROM user_numbers \
         WHERE user_id IN (SELECT j.value::uuid FROM jsonb_array_elements_text($1::jsonb) j (value)) \
         ORDER BY number",
    ];
    OF_DOMAIN => ["SELECT number FROM domain_numbers WHERE domain_id = $1"];
    USER => ["SELECT user_id FROM user_numbers WHERE number = $1"];
    DOMAIN => ["SELECT domain_id FROM domain_numbers WHERE number = $1"];
}

/// Takes the next number of a kind. It is gone for good once the transaction commits.
pub(crate) async fn next(tx: &mut Tx, kind: &str) -> Result<i64> {
    fetch_value!(tx, i64, NEXT, kind)
}

/// Gives a new user their number.
pub(crate) async fn number_user(tx: &mut Tx, user: UserId) -> Result<()> {
    let number = next(tx, "customer").await?;
    execute!(tx, INSERT_USER, number, user.0)?;
    Ok(())
}

/// Gives a new domain its number.
pub(crate) async fn number_domain(tx: &mut Tx, domain: DomainId) -> Result<()> {
    let number = next(tx, "site").await?;
    execute!(tx, INSERT_DOMAIN, number, domain.0)?;
    Ok(())
}

/// The numbers of users, in one statement.
pub async fn of_users(tx: &mut Tx, users: &[UserId]) -> Result<Vec<(UserId, i64)>> {
    let ids: Vec<String> = users.iter().map(|user| user.0.simple().to_string()).collect();
    let rows = fetch_all!(tx, (Uuid, i64), OF_USERS, to_json("ids", &ids)?)?;
    Ok(rows.into_iter().map(|(id, number)| (UserId(id), number)).collect())
}

/// The number of a domain.
pub async fn of_domain(tx: &mut Tx, domain: DomainId) -> Result<i64> {
    fetch_optional_value!(tx, i64, OF_DOMAIN, domain.0)?
        .ok_or(StoreError::Missing { what: "number of a domain" })
}

/// The user of a number.
pub async fn user(tx: &mut Tx, number: i64) -> Result<Option<UserId>> {
    Ok(fetch_optional_value!(tx, Uuid, USER, number)?.map(UserId))
}

/// The domain of a number.
pub async fn domain(tx: &mut Tx, number: i64) -> Result<Option<DomainId>> {
    Ok(fetch_optional_value!(tx, Uuid, DOMAIN, number)?.map(DomainId))
}
