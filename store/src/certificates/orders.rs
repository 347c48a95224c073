//! What was ordered lately.

use berth_core::name::Fqdn;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::value::{micros, to_json, unsigned};
use crate::{Result, Tx};

statements! {
    INSERT => [
        "INSERT INTO certificate_orders (id, registrable, names, ordered_at) VALUES ($1, $2, $3, $4)"
    ];
    OF_REGISTRABLE => [
        "SELECT count(*) FROM certificate_orders WHERE registrable = $1 AND ordered_at > $2"
    ];
    OF_NAMES => [
        "SELECT count(*) FROM certificate_orders WHERE registrable = $1 AND names = $2 AND ordered_at > $3"
    ];
    SINCE => ["SELECT count(*) FROM certificate_orders WHERE ordered_at > $1"];
    FORGET => ["DELETE FROM certificate_orders WHERE ordered_at <= $1"];
}

/// Notes an order for these names, whose first one says which registrable domain it counts for.
pub async fn insert(tx: &mut Tx, id: Uuid, names: &[Fqdn], at: DateTime<Utc>) -> Result<()> {
    let registrable = names.first().map_or("", Fqdn::registrable);
    execute!(tx, INSERT, id, registrable, to_json("names", names)?, micros(at))?;
    Ok(())
}

/// How many orders there were since a moment for the registrable domain of these names.
pub async fn of_registrable(tx: &mut Tx, names: &[Fqdn], since: DateTime<Utc>) -> Result<u64> {
    let registrable = names.first().map_or("", Fqdn::registrable);
    fetch_value!(tx, i64, OF_REGISTRABLE, registrable, micros(since)).map(unsigned)
}

/// How many orders there were since a moment for exactly these names.
pub async fn of_names(tx: &mut Tx, names: &[Fqdn], since: DateTime<Utc>) -> Result<u64> {
    let registrable = names.first().map_or("", Fqdn::registrable);
    fetch_value!(tx, i64, OF_NAMES, registrable, to_json("names", names)?, micros(since)).map(unsigned)
}

/// How many orders there were since a moment.
pub async fn since(tx: &mut Tx, since: DateTime<Utc>) -> Result<u64> {
    fetch_value!(tx, i64, SINCE, micros(since)).map(unsigned)
}

/// Forgets orders that count for no limit any more.
pub async fn forget(tx: &mut Tx, before: DateTime<Utc>) -> Result<()> {
    execute!(tx, FORGET, micros(before))?;
    Ok(())
}
