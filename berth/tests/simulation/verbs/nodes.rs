//! The node.

use berth_core::mode::Mode;
use berth_core::name::Username;
use berth_server::app;
use serde_json::json;

use super::{Order, expect, name};
use crate::dice::Dice;
use crate::facts::Facts;
use crate::names;
use crate::server::NODE;

pub(super) fn audit(_: &mut Dice, _: &Facts) -> Option<Order> {
    let order = Order::new("audit the node", |ctx| async move {
        app::audit_node(&ctx, NODE, Mode::Apply).await.map(drop)
    })
    .then(|facts, entry| {
        let number = &entry.detail["audit"];
        expect(number.as_u64() == facts.get("audits").as_u64().map(|n| n + 1), "its number does not follow")?;
        facts.set("audits", number.clone());
        Ok(())
    });
    Some(order)
}

pub(super) fn quarantine(dice: &mut Dice, _: &Facts) -> Option<Order> {
    let home = names::left_over(dice);
    let username: Username = name(&home);
    let fact = format!("quarantined/{home}");
    let known = fact.clone();
    let order = Order::new(format!("quarantine {home}"), move |ctx| {
        let username = username.clone();
        async move { app::quarantine_home(&ctx, NODE, username, Mode::Apply).await.map(drop) }
    })
    .then(move |facts, _| {
        facts.set(fact.clone(), json!(true));
        Ok(())
    })
    .or_if(move |facts| facts.has(&known));
    Some(order)
}
