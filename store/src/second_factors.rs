//! Second factors: the sealed secret, whether one must be enrolled, and recovery codes.

use berth_core::id::UserId;
use chrono::{DateTime, Utc};

use crate::value::{micros, moment_optional, signed, unsigned};
use crate::{Result, Tx};

statements! {
    GET => [
        "SELECT required_at, secret, confirmed_at, last_step FROM second_factors WHERE user_id = $1"
    ];
    BEGIN => [
        "INSERT INTO second_factors (user_id, secret) VALUES ($1, $2) \
         ON CONFLICT (user_id) DO UPDATE SET secret = excluded.secret, confirmed_at = NULL, last_step = NULL"
    ];
    CONFIRM => [
        "UPDATE second_factors SET confirmed_at = $2, last_step = $3 \
         WHERE user_id = $1 AND secret IS NOT NULL AND confirmed_at IS NULL"
    ];
    USE_STEP => [
        "UPDATE second_factors SET last_step = $2 \
         WHERE user_id = $1 AND confirmed_at IS NOT NULL AND (last_step IS NULL OR last_step < $2)"
    ];
    CLEAR => [
        "UPDATE second_factors SET secret = NULL, confirmed_at = NULL, last_step = NULL WHERE user_id = $1"
    ];
    REQUIRE => [
        "INSERT INTO second_factors (user_id, required_at) VALUES ($1, $2) \
         ON CONFLICT (user_id) DO UPDATE SET required_at = excluded.required_at"
    ];
    ADD_CODE => ["INSERT INTO recovery_codes (user_id, code_sha256, created_at) VALUES ($1, $2, $3)"];
    USE_CODE => ["DELETE FROM recovery_codes WHERE user_id = $1 AND code_sha256 = $2"];
    CLEAR_CODES => ["DELETE FROM recovery_codes WHERE user_id = $1"];
    COUNT_CODES => ["SELECT count(*) FROM recovery_codes WHERE user_id = $1"];
}

/// The second factor of a user.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SecondFactorRecord {
    /// Since when the user must have one.
    pub required_at: Option<DateTime<Utc>>,
    /// The sealed secret, once enrolment has begun.
    pub secret: Option<String>,
    /// When enrolment ended; only then the secret counts.
    pub confirmed_at: Option<DateTime<Utc>>,
    /// The time step of the last code that was accepted.
    pub last_step: Option<u64>,
}

impl SecondFactorRecord {
    /// Whether signing in takes a code.
    pub const fn is_on(&self) -> bool {
        self.secret.is_some() && self.confirmed_at.is_some()
    }
}

/// The second factor of a user; the default if nothing was ever said about it.
pub async fn get(tx: &mut Tx, user: UserId) -> Result<SecondFactorRecord> {
    type Row = (Option<i64>, Option<String>, Option<i64>, Option<i64>);
    let Some((required_at, secret, confirmed_at, last_step)) = fetch_optional!(tx, Row, GET, user.0)? else {
        return Ok(SecondFactorRecord::default());
    };
    Ok(SecondFactorRecord {
        required_at: moment_optional(required_at)?,
        secret,
        confirmed_at: moment_optional(confirmed_at)?,
        last_step: last_step.map(unsigned),
    })
}

/// Begins enrolment with a sealed secret, which replaces any that is there.
pub async fn begin(tx: &mut Tx, user: UserId, sealed: &str) -> Result<()> {
    execute!(tx, BEGIN, user.0, sealed)?;
    Ok(())
}

/// Ends enrolment; whether one had begun. `step` is that of the code which proved it.
pub async fn confirm(tx: &mut Tx, user: UserId, at: DateTime<Utc>, step: u64) -> Result<bool> {
    Ok(execute!(tx, CONFIRM, user.0, micros(at), signed(step))? > 0)
}

/// Uses the code of a time step up; false if it, or a later one, was used before.
pub async fn use_step(tx: &mut Tx, user: UserId, step: u64) -> Result<bool> {
    Ok(execute!(tx, USE_STEP, user.0, signed(step))? > 0)
}

/// Takes the second factor away, with its recovery codes.
pub async fn clear(tx: &mut Tx, user: UserId) -> Result<()> {
    execute!(tx, CLEAR, user.0)?;
    execute!(tx, CLEAR_CODES, user.0)?;
    Ok(())
}

/// Says whether a user must have a second factor.
pub async fn require(tx: &mut Tx, user: UserId, since: Option<DateTime<Utc>>) -> Result<()> {
    execute!(tx, REQUIRE, user.0, since.map(micros))?;
    Ok(())
}

/// Replaces a user's recovery codes by others, given as hexadecimal SHA-256.
pub async fn replace_codes(tx: &mut Tx, user: UserId, codes: &[String], at: DateTime<Utc>) -> Result<()> {
    execute!(tx, CLEAR_CODES, user.0)?;
    for code in codes {
        execute!(tx, ADD_CODE, user.0, code.as_str(), micros(at))?;
    }
    Ok(())
}

/// Uses a recovery code up; whether it was there.
pub async fn use_code(tx: &mut Tx, user: UserId, code_sha256: &str) -> Result<bool> {
    Ok(execute!(tx, USE_CODE, user.0, code_sha256)? > 0)
}

/// How many recovery codes a user has left.
pub async fn count_codes(tx: &mut Tx, user: UserId) -> Result<u64> {
    fetch_value!(tx, i64, COUNT_CODES, user.0).map(unsigned)
}
