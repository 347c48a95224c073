//! What somebody has changed on the node by hand.

use berth_core::audit::AuditEntry;
use berth_core::mode::Mode;
use berth_core::{Code, Problem};
use berth_server::app::{self, ListDrift};
use serde_json::json;

use super::{Order, expect};
use crate::dice::Dice;
use crate::facts::{Facts, texts};
use crate::names;
use crate::server::NODE;

pub(super) fn adopt(dice: &mut Dice, _: &Facts) -> Option<Order> {
    Some(decide(dice, true))
}

pub(super) fn revert(dice: &mut Dice, _: &Facts) -> Option<Order> {
    Some(decide(dice, false))
}

/// Which drift there is only the server knows, so it is asked first, as people do.
fn decide(dice: &mut Dice, adopt: bool) -> Order {
    let which = usize::try_from(dice.below(6)).unwrap();
    let what = if adopt { "adopt" } else { "revert" };
    Order::new(format!("{what} the drift at place {which}"), move |ctx| async move {
        let found =
            app::list_drift(&ctx, NODE, ListDrift { user: None, state: None, cursor: None, limit: 200 })
                .await?
                .items;
        let Some(drift) = found.get(which % found.len().max(1)) else {
            return Err(Problem::new(Code::DriftNotFound, "nothing has been changed by hand").into());
        };
        if adopt {
            app::adopt_drift(&ctx, NODE, drift.id, Mode::Apply).await.map(drop)
        } else {
            app::revert_drift(&ctx, NODE, drift.id, Mode::Apply).await.map(drop)
        }
    })
    .then(exchanged)
}

/// Keys come and go.
fn exchanged(facts: &mut Facts, entry: &AuditEntry) -> Result<(), String> {
    let (added, removed) = (texts(&entry.detail["added"]), texts(&entry.detail["removed"]));
    if added.is_empty() && removed.is_empty() {
        return Ok(());
    }
    let of = |name: &String| facts.get(&format!("account/{name}"))["user"] == json!(entry.user);
    let account = facts.accounts().into_iter().find(of).ok_or("nobody has the account")?;
    for fingerprint in removed {
        let fact = format!("account/{account}/key/{fingerprint}");
        expect(facts.remove(&fact).is_some(), "it did not have the key")?;
    }
    for fingerprint in added {
        let fact = format!("account/{account}/key/{fingerprint}");
        expect(!facts.has(&fact), "it had the key already")?;
        let line = names::key_line(&fingerprint).ok_or("the key comes from nowhere")?;
        facts.set(fact, json!(line));
    }
    Ok(())
}
