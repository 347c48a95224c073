//! What an account may reach on the network beside what its package allows.

use berth_core::command::AddEgressRule;
use berth_core::id::EgressRuleId;
use berth_core::mode::Mode;
use berth_server::app;
use serde_json::json;

use super::accounts::some_account;
use super::{Order, expect, parsed};
use crate::dice::Dice;
use crate::facts::Facts;

pub(super) fn add_rule(dice: &mut Dice, facts: &Facts) -> Option<Order> {
    let (user, account) = some_account(dice, facts)?;
    // Networks and ports that overlap.
    let network = dice.pick(&["10.0.0.0/8", "10.1.0.0/16", "192.0.2.7", "2001:db8::/32", "::/0"])?;
    let port = dice.pick(&["25", "20-30", "1-65535"])?;
    let protocol = dice.pick(&["tcp", "udp"])?;
    let body = json!({ "network": network, "port": port, "protocol": protocol });
    let command = parsed(body, AddEgressRule::parse);
    let rule = command.rule.to_string();
    let order = Order::new(format!("let {account} reach {rule}"), move |ctx| {
        let (user, command) = (user.clone(), command.clone());
        async move { app::add_egress_rule(&ctx, &user, command, Mode::Apply).await.map(drop) }
    })
    .then(move |facts, entry| {
        let fact = format!("{account}/egress/{rule}");
        expect(!facts.has(&fact), "it had the rule already")?;
        facts.set(fact, entry.detail["id"].clone());
        Ok(())
    });
    Some(order)
}

pub(super) fn remove_rule(dice: &mut Dice, facts: &Facts) -> Option<Order> {
    let (user, account) = some_account(dice, facts)?;
    // A rule holds slashes.
    let prefix = format!("{account}/egress/");
    let rule = dice.pick(&facts.all_below(&prefix))?;
    let fact = format!("{prefix}{rule}");
    let id: EgressRuleId = serde_json::from_value(facts.get(&fact).clone()).unwrap();
    let order = Order::new(format!("remove {fact}"), move |ctx| {
        let user = user.clone();
        async move { app::remove_egress_rule(&ctx, &user, id, Mode::Apply).await.map(drop) }
    })
    .then(move |facts, _| facts.remove(&fact).map(drop).ok_or_else(|| "it did not have the rule".to_owned()));
    Some(order)
}
