//! Who may come in, as far as no node is concerned.

use berth_core::command::{InviteUser, SuspendUser};
use berth_core::mode::Mode;
use berth_core::suspension::SuspensionReason;
use berth_server::app;
use serde_json::json;

use super::users::somebody;
use super::{Order, parsed};
use crate::dice::Dice;
use crate::facts::Facts;
use crate::names;

/// At the level `login`, which leaves everything on the node as it is.
pub(super) fn suspend(dice: &mut Dice, facts: &Facts) -> Option<Order> {
    let (user, fact) = somebody(dice, facts)?;
    let reason = dice.pick(&["billing", "abuse", "operator"])?;
    let command = parsed(json!({ "reason": reason, "level": "login" }), SuspendUser::parse);
    let order = Order::new(format!("suspend {fact} for {reason}"), move |ctx| {
        let (user, command) = (user.clone(), command.clone());
        async move { app::suspend_user(&ctx, &user, command, Mode::Apply).await.map(drop) }
    })
    // The same suspension a second time is nothing new.
    .or_if(|_| true);
    Some(order)
}

pub(super) fn activate(dice: &mut Dice, facts: &Facts) -> Option<Order> {
    let (user, fact) = somebody(dice, facts)?;
    let reason = dice.pick(&[None, Some(SuspensionReason::Billing), Some(SuspensionReason::Abuse)])?;
    let order = Order::new(format!("activate {fact}"), move |ctx| {
        let user = user.clone();
        async move { app::activate_user(&ctx, &user, reason, Mode::Apply).await.map(drop) }
    });
    Some(order)
}

pub(super) fn invite(dice: &mut Dice, _: &Facts) -> Option<Order> {
    let email = names::email(dice);
    let command = parsed(json!({ "email": email, "role": "user" }), InviteUser::parse);
    let order = Order::new(format!("invite {email}"), move |ctx| {
        let command = command.clone();
        async move { app::invite_user(&ctx, command, Mode::Apply).await.map(drop) }
    });
    Some(order)
}

pub(super) fn end_sessions(dice: &mut Dice, facts: &Facts) -> Option<Order> {
    let (user, fact) = somebody(dice, facts)?;
    let order = Order::new(format!("end the sessions of {fact}"), move |ctx| {
        let user = user.clone();
        async move { app::revoke_sessions(&ctx, &user, Mode::Apply).await.map(drop) }
    })
    .or_if(|_| true);
    Some(order)
}

pub(super) fn require_second_factor(dice: &mut Dice, facts: &Facts) -> Option<Order> {
    let (user, fact) = somebody(dice, facts)?;
    let required = dice.chance(50);
    let order = Order::new(format!("require a second factor of {fact}: {required}"), move |ctx| {
        let user = user.clone();
        async move { app::require_second_factor(&ctx, &user, required, Mode::Apply).await.map(drop) }
    })
    .or_if(|_| true);
    Some(order)
}

pub(super) fn reset_second_factor(dice: &mut Dice, facts: &Facts) -> Option<Order> {
    let (user, fact) = somebody(dice, facts)?;
    let order = Order::new(format!("reset the second factor of {fact}"), move |ctx| {
        let user = user.clone();
        async move { app::reset_second_factor(&ctx, &user, Mode::Apply).await.map(drop) }
    })
    .or_if(|_| true);
    Some(order)
}
