//! Webhooks.

use berth_core::command::AddWebhook;
use berth_core::id::WebhookId;
use berth_core::mode::Mode;
use berth_core::{Code, Problem, Problems};
use berth_server::app::{self, Ctx, ListDeliveries};
use serde_json::json;

use super::{Order, expect, parsed};
use crate::dice::Dice;
use crate::facts::Facts;

pub(super) fn add(dice: &mut Dice, _: &Facts) -> Option<Order> {
    // A note that no other webhook has, so that it can stand for the webhook.
    let note = format!("hook {}", dice.below(1 << 40));
    let events = dice.pick(&[json!(["*"]), json!(["user.*"]), json!(["condition.changed", "domain.add"])])?;
    let body = json!({ "url": "https://receiver.example/in", "events": events, "note": note });
    let command = parsed(body, AddWebhook::parse);
    let value = json!({ "events": command.events });
    let order = Order::new(format!("add the webhook {note}"), move |ctx| {
        let command = command.clone();
        async move { app::add_webhook(&ctx, command, Mode::Apply).await.map(drop) }
    })
    .then(move |facts, _| {
        let fact = format!("webhook/{note}");
        expect(!facts.has(&fact), "it was added twice")?;
        facts.set(fact, value.clone());
        Ok(())
    });
    Some(order)
}

/// People see the note of a webhook and say its id.
async fn id_of(ctx: &Ctx, note: &str) -> Result<WebhookId, Problems> {
    let hooks = app::list_webhooks(ctx).await?;
    let found = hooks.into_iter().find(|hook| hook.note.as_ref().is_some_and(|said| said.as_str() == note));
    found
        .map(|hook| hook.id)
        .ok_or_else(|| Problem::new(Code::WebhookNotFound, "there is no such webhook").into())
}

pub(super) fn remove(dice: &mut Dice, facts: &Facts) -> Option<Order> {
    let note = dice.pick(&facts.below("webhook/"))?;
    let fact = format!("webhook/{note}");
    let order = Order::new(format!("remove {fact}"), move |ctx| {
        let note = note.clone();
        async move {
            let id = id_of(&ctx, &note).await?;
            app::remove_webhook(&ctx, id, Mode::Apply).await.map(drop)
        }
    })
    .then(move |facts, _| facts.remove(&fact).map(drop).ok_or_else(|| "there was none".to_owned()));
    Some(order)
}

pub(super) fn test(dice: &mut Dice, facts: &Facts) -> Option<Order> {
    let note = dice.pick(&facts.below("webhook/"))?;
    Some(Order::new(format!("test webhook/{note}"), move |ctx| {
        let note = note.clone();
        async move {
            let id = id_of(&ctx, &note).await?;
            app::test_webhook(&ctx, id, Mode::Apply).await.map(drop)
        }
    }))
}

pub(super) fn replay(dice: &mut Dice, facts: &Facts) -> Option<Order> {
    let note = dice.pick(&facts.below("webhook/"))?;
    Some(Order::new(format!("replay what webhook/{note} was sent last"), move |ctx| {
        let note = note.clone();
        async move {
            let id = id_of(&ctx, &note).await?;
            let newest = app::list_deliveries(&ctx, id, ListDeliveries::default()).await?.items;
            let Some(delivery) = newest.first() else {
                return Err(Problem::new(Code::DeliveryNotFound, "nothing was sent").into());
            };
            app::replay_delivery(&ctx, id, delivery.id, Mode::Apply).await.map(drop)
        }
    }))
}
