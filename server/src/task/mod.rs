//! What the server does by itself, again and again: one file per task. Several servers may share a database;
//! whoever takes a row has it alone for a while.

mod certificates;
mod events;
mod life;
mod mail;
mod ownership;

pub(crate) use certificates::certificates;
pub(crate) use events::events;
pub(crate) use life::life;
pub(crate) use mail::mail;
pub(crate) use ownership::ownership;
