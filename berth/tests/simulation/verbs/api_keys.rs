//! Keys for the API.

use berth_core::command::CreateApiKey;
use berth_core::mode::Mode;
use berth_core::{Code, Problem};
use berth_server::app;
use serde_json::json;

use super::{Order, expect, parsed};
use crate::dice::Dice;
use crate::facts::Facts;

pub(super) fn create(dice: &mut Dice, facts: &Facts) -> Option<Order> {
    let user = dice.pick(&facts.below("user/"))?;
    // A label that no other key has, so that it can stand for the key.
    let label = format!("key {}", dice.below(1 << 40));
    let scopes = dice.pick(&[json!(["read"]), json!(["domains", "read"]), json!(["users"])])?;
    let command = parsed(json!({ "label": label, "scopes": scopes, "user": user }), CreateApiKey::parse);
    let value = json!({ "user": user, "scopes": command.scopes, "revoked": false });
    let order = Order::new(format!("create the API key {label}"), move |ctx| {
        let command = command.clone();
        async move { app::create_api_key(&ctx, command, Mode::Apply).await.map(drop) }
    })
    .then(move |facts, _| {
        let fact = format!("api_key/{label}");
        expect(!facts.has(&fact), "it was made twice")?;
        facts.set(fact, value.clone());
        Ok(())
    });
    Some(order)
}

pub(super) fn revoke(dice: &mut Dice, facts: &Facts) -> Option<Order> {
    let label = dice.pick(&facts.below("api_key/"))?;
    let fact = format!("api_key/{label}");
    let known = fact.clone();
    let order = Order::new(format!("revoke {fact}"), move |ctx| {
        let label = label.clone();
        async move {
            // People see the key's name and say its id.
            let keys = app::list_api_keys(&ctx, None).await?;
            let Some(key) = keys.into_iter().find(|key| key.label == label) else {
                return Err(Problem::new(Code::NotFound, "there is no such key").into());
            };
            app::revoke_api_key(&ctx, key.id, Mode::Apply).await.map(drop)
        }
    })
    .then(move |facts, _| {
        expect(facts.get(&fact)["revoked"] == json!(false), "it was revoked already")?;
        facts.change(&fact, "revoked", json!(true));
        Ok(())
    })
    .or_if(move |facts| facts.get(&known)["revoked"] == json!(true));
    Some(order)
}
