//! Websites of users.

use berth_core::command::PutExternalUser;
use berth_core::mode::Mode;
use berth_core::name::Login;
use berth_server::app;
use serde_json::{Value, json};

use super::{Order, expect, name, parsed};
use crate::dice::Dice;
use crate::facts::Facts;
use crate::names;

/// Somebody with a login: the login, the name of what is known of their websites, and whether they have an
/// account.
fn somebody(dice: &mut Dice, facts: &Facts) -> Option<(String, String)> {
    let id = dice.pick(&facts.below("user/"))?;
    let login = facts.get(&format!("user/{id}"))["login"].as_str()?.to_owned();
    Some((login, format!("websites/{id}")))
}

pub(super) fn set(dice: &mut Dice, facts: &Facts) -> Option<Order> {
    let (login, fact) = somebody(dice, facts)?;
    let mut labels: Vec<String> = (0..dice.below(3)).map(|_| names::domain(dice)).collect();
    labels.sort();
    labels.dedup();
    let websites: Vec<Value> = labels
        .iter()
        .map(|label| json!({ "path": "sftp://u:violet-anchor@host.example", "label": label }))
        .collect();
    let body = json!({ "id": login, "websites": websites });
    let command = parsed(body, |fields| PutExternalUser::parse(fields, false));
    let order = Order::new(format!("define {} websites of {login}", labels.len()), move |ctx| {
        let command = command.clone();
        async move { app::put_external_user(&ctx, command, Mode::Apply).await.map(drop) }
    })
    .then(move |facts, _| {
        facts.set(fact.clone(), json!({ "labels": labels, "forgotten": false }));
        Ok(())
    });
    Some(order)
}

pub(super) fn forget(dice: &mut Dice, facts: &Facts) -> Option<Order> {
    let (login, fact) = somebody(dice, facts)?;
    let user: Login = name(&login);
    let order = Order::new(format!("forget the websites of {login}"), move |ctx| {
        let user = user.clone();
        async move { app::forget_external_user(&ctx, &user, Mode::Apply).await.map(drop) }
    })
    .then(move |facts, _| {
        expect(facts.get(&fact)["forgotten"] != true, "they were forgotten")?;
        facts.set(fact.clone(), json!({ "labels": [], "forgotten": true }));
        Ok(())
    });
    Some(order)
}
