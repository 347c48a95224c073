//! Timers of an account.

use berth_core::command::{AddTimer, EditTimer};
use berth_core::mode::Mode;
use berth_core::role::UserRef;
use berth_core::timer::TimerName;
use berth_server::app;
use serde_json::{Value, json};

use super::accounts::some_account;
use super::{Order, expect, name, parsed};
use crate::dice::Dice;
use crate::facts::{Facts, timer};

const SCHEDULES: [&str; 4] = ["* * * * *", "@daily", "0 0 13 * 5", "*/7 3-5 * * mon"];
const COMMANDS: [&str; 3] = ["true", "echo '100 %' \"$HOME\"", "exit 3"];

/// A timer of an account, with what is known of it.
fn some_timer(dice: &mut Dice, facts: &Facts) -> Option<(UserRef, TimerName, String)> {
    let (user, account) = some_account(dice, facts)?;
    let timer = dice.pick(&facts.below(&format!("{account}/timer/")))?;
    Some((user, name(&timer), format!("{account}/timer/{timer}")))
}

pub(super) fn add(dice: &mut Dice, facts: &Facts) -> Option<Order> {
    let (user, account) = some_account(dice, facts)?;
    let called = dice.pick(&["a", "b-c", "d_1"])?;
    let (schedule, command) = (dice.pick(&SCHEDULES)?, dice.pick(&COMMANDS)?);
    let enabled = dice.chance(80);
    let body = json!({ "name": called, "schedule": schedule, "command": command, "enabled": enabled });
    let add = parsed(body, AddTimer::parse);
    let order = Order::new(format!("add the timer {called} to {account}"), move |ctx| {
        let (user, add) = (user.clone(), add.clone());
        async move { app::add_timer(&ctx, &user, add, Mode::Apply).await.map(drop) }
    })
    .then(move |facts, _| {
        let fact = format!("{account}/timer/{called}");
        expect(!facts.has(&fact), "it had the timer already")?;
        facts.set(fact, timer(schedule, command, enabled, false));
        Ok(())
    });
    Some(order)
}

pub(super) fn edit(dice: &mut Dice, facts: &Facts) -> Option<Order> {
    let (user, named, fact) = some_timer(dice, facts)?;
    let (schedule, command) = (dice.pick(&SCHEDULES)?, dice.pick(&COMMANDS)?);
    let enabled = dice.chance(50);
    let body = json!({ "schedule": schedule, "command": command, "enabled": enabled });
    let edit = parsed(body, EditTimer::parse);
    let after = move |facts: &Facts, fact: &str| {
        timer(schedule, command, enabled, facts.get(fact)["wanted"] == Value::Bool(true))
    };
    let known = fact.clone();
    let order = Order::new(format!("edit {fact}"), move |ctx| {
        let (user, named, edit) = (user.clone(), named.clone(), edit.clone());
        async move { app::edit_timer(&ctx, &user, &named, edit, Mode::Apply).await.map(drop) }
    })
    .then(move |facts, _| {
        expect(facts.has(&fact), "there was no such timer")?;
        let value = after(facts, &fact);
        facts.set(fact.clone(), value);
        Ok(())
    })
    .or_if(move |facts| facts.has(&known) && *facts.get(&known) == after(facts, &known));
    Some(order)
}

pub(super) fn remove(dice: &mut Dice, facts: &Facts) -> Option<Order> {
    let (user, named, fact) = some_timer(dice, facts)?;
    let order = Order::new(format!("remove {fact}"), move |ctx| {
        let (user, named) = (user.clone(), named.clone());
        async move { app::remove_timer(&ctx, &user, &named, Mode::Apply).await.map(drop) }
    })
    .then(move |facts, _| facts.remove(&fact).map(drop).ok_or_else(|| "there was no such timer".to_owned()));
    Some(order)
}

pub(super) fn run(dice: &mut Dice, facts: &Facts) -> Option<Order> {
    let (user, named, fact) = some_timer(dice, facts)?;
    let order = Order::new(format!("run {fact}"), move |ctx| {
        let (user, named) = (user.clone(), named.clone());
        async move { app::run_timer(&ctx, &user, &named, Mode::Apply).await.map(drop) }
    })
    .then(move |facts, _| {
        expect(facts.has(&fact), "there was no such timer")?;
        facts.change(&fact, "wanted", json!(true));
        Ok(())
    });
    Some(order)
}
