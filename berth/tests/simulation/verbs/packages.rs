//! Packages.

use berth_core::command::{CreatePackage, EditPackage, SetPackage};
use berth_core::mode::Mode;
use berth_core::name::PackageName;
use berth_core::package::{Features, Limits};
use berth_server::app;
use serde_json::{Value, json};

use super::{Order, expect, name, parsed};
use crate::dice::Dice;
use crate::facts::Facts;

/// Settings of a package, of which some matter to the node.
fn settings(dice: &mut Dice) -> Value {
    let mut body = json!({});
    if dice.chance(60) {
        body["timers"] = dice.pick(&[json!("always"), json!("on-demand"), json!("off")]).unwrap();
    }
    if dice.chance(40) {
        body["sftp"] = json!(dice.chance(60));
    }
    if dice.chance(40) {
        body["php_children"] =
            dice.pick(&[json!(0), json!(3), json!("unlimited"), json!("inherit")]).unwrap();
    }
    if dice.chance(30) {
        body["egress"] = dice.pick(&[json!("none"), json!("web"), json!("open")]).unwrap();
    }
    if dice.chance(30) {
        body["disk_mb"] = dice.pick(&[json!(100), json!("unlimited"), json!("inherit")]).unwrap();
        body["inodes"] = dice.pick(&[json!(5000), json!("unlimited"), json!("inherit")]).unwrap();
    }
    if dice.chance(30) {
        body["domains"] = dice.pick(&[json!(2), json!(5), json!("inherit")]).unwrap();
    }
    body
}

pub(super) fn create(dice: &mut Dice, facts: &Facts) -> Option<Order> {
    let package = format!("package{}", dice.below(4));
    let mut body = settings(dice);
    body["name"] = json!(package);
    let command = parsed(body, CreatePackage::parse);
    let (fact, value) =
        (format!("package/{package}"), json!({ "limits": command.limits, "features": command.features }));
    let _ = facts;
    let order = Order::new(format!("create {fact}"), move |ctx| {
        let command = command.clone();
        async move { app::create_package(&ctx, command, Mode::Apply).await.map(drop) }
    })
    .then(move |facts, _| {
        expect(!facts.has(&fact), "the name was taken")?;
        facts.set(fact.clone(), value.clone());
        Ok(())
    });
    Some(order)
}

fn some_package(dice: &mut Dice, facts: &Facts) -> Option<(PackageName, String)> {
    let package = dice.pick(&facts.below("package/"))?;
    Some((name(&package), format!("package/{package}")))
}

pub(super) fn edit(dice: &mut Dice, facts: &Facts) -> Option<Order> {
    let (package, fact) = some_package(dice, facts)?;
    let command = parsed(settings(dice), EditPackage::parse);
    let change = command.clone();
    let changed = move |value: &Value| -> Option<Value> {
        let limits: Limits = serde_json::from_value(value["limits"].clone()).ok()?;
        let features: Features = serde_json::from_value(value["features"].clone()).ok()?;
        let (limits, features) = change.apply(limits, features);
        Some(json!({ "limits": limits, "features": features }))
    };
    let (known, same) = (fact.clone(), changed.clone());
    let order = Order::new(format!("edit {fact}"), move |ctx| {
        let (package, command) = (package.clone(), command.clone());
        async move { app::edit_package(&ctx, &package, command, Mode::Apply).await.map(drop) }
    })
    .then(move |facts, _| {
        let new = changed(facts.get(&fact)).ok_or("there is no such package")?;
        facts.set(fact.clone(), new);
        Ok(())
    })
    .or_if(move |facts| same(facts.get(&known)).as_ref() == Some(facts.get(&known)));
    Some(order)
}

/// Gives an account another package. Whether it may be too small for what the account has is part of the order.
pub(super) fn give(dice: &mut Dice, facts: &Facts) -> Option<Order> {
    let (user, account) = super::accounts::some_account(dice, facts)?;
    let (package, fact) = some_package(dice, facts)?;
    let force = dice.chance(30);
    let command = parsed(json!({ "package": package, "force": force }), SetPackage::parse);
    let (known, same) = (account.clone(), json!(package));
    let order = Order::new(format!("give {account} the {fact}, force {force}"), move |ctx| {
        let (user, command) = (user.clone(), command.clone());
        async move { app::set_package(&ctx, &user, command, Mode::Apply).await.map(drop) }
    })
    .then(move |facts, _| {
        expect(facts.has(&fact), "there is no such package")?;
        let domains = facts.below(&format!("{account}/domain/")).len() as u64;
        let bound = facts.get(&fact)["limits"]["domains"].as_u64().unwrap_or(10);
        expect(force || domains <= bound, "the account has more domains than it may have")?;
        facts.change(&account, "package", json!(package));
        Ok(())
    })
    .or_if(move |facts| facts.get(&known)["package"] == same);
    Some(order)
}

pub(super) fn delete(dice: &mut Dice, facts: &Facts) -> Option<Order> {
    let (package, fact) = some_package(dice, facts)?;
    let of = package.to_string();
    let order = Order::new(format!("delete {fact}"), move |ctx| {
        let package = package.clone();
        async move { app::delete_package(&ctx, &package, Mode::Apply).await.map(drop) }
    })
    .then(move |facts, _| {
        let used =
            facts.accounts().iter().any(|a| facts.get(&format!("account/{a}"))["package"] == json!(of));
        expect(!used, "accounts have it")?;
        facts.remove(&fact).map(drop).ok_or_else(|| "there was none".to_owned())
    });
    Some(order)
}
