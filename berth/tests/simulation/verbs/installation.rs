//! The installation.

use berth_core::Problems;
use berth_server::app;

use super::Order;
use crate::dice::Dice;
use crate::facts::Facts;
use crate::server;

/// `berth setup` once more, as after an upgrade: it finds everything made.
pub(super) fn setup(_: &mut Dice, _: &Facts) -> Option<Order> {
    let order = Order::new("setup", |ctx| async move {
        let done = app::setup(&ctx.app, server::setup()).await?;
        if done.created || done.api_key.is_some() {
            return Err(Problems::from(berth_core::Problem::new(
                berth_core::Code::Internal,
                "setup has made something again",
            )));
        }
        Ok(())
    })
    .then(|_, _| Err("setup had nothing to do".to_owned()))
    .or_if(|_| true);
    Some(order)
}
