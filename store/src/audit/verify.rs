//! Checking the chain.

use berth_core::audit::GENESIS;
use berth_core::view::AuditVerification;

use super::{AFTER, AuditRow, head};
use crate::{Result, Store};

/// Entries read at a time, each batch in a transaction of its own, so that checking a long log holds nothing
/// up.
const BATCH: i64 = 2_000;

/// Checks every entry up to the one that is the last now: its place, its hash, and that nothing is missing
/// between or at the end. `broken_at` is the first place that does not fit.
pub async fn verify(store: &Store) -> Result<AuditVerification> {
    let mut tx = store.read().await?;
    let (last, last_hash) = head(&mut tx).await?;
    drop(tx);
    let (mut place, mut hash) = (0_i64, GENESIS.to_owned());
    let mut checked = 0_u64;
    let broken = |place: i64, checked: u64, hash: String| AuditVerification {
        entries: checked,
        head: hash,
        broken_at: Some(place),
    };
    while place < last {
        let mut tx = store.read().await?;
        let rows = fetch_all!(tx, AuditRow, AFTER, place, BATCH.min(last - place))?;
        drop(tx);
        if rows.is_empty() {
            return Ok(broken(place + 1, checked, hash));
        }
        for row in rows {
            let fits = row.sequence == place + 1 && is_sound(&row, &hash);
            if !fits {
                return Ok(broken(place + 1, checked, hash));
            }
            place = row.sequence;
            hash = row.hash;
            checked += 1;
        }
    }
    if hash != last_hash {
        return Ok(broken(last, checked, hash));
    }
    Ok(AuditVerification { entries: checked, head: hash, broken_at: None })
}

/// Whether a row is what was hashed: what it means, and for the documents in it, letter by letter.
fn is_sound(row: &AuditRow, previous: &str) -> bool {
    row.entry().is_ok_and(|entry| {
        let documents = [entry.actor.to_string(), entry.detail.to_string()];
        documents == [row.actor.as_str(), row.detail.as_str()]
            && entry.hash(row.sequence, previous) == row.hash
    })
}
