//! Whole-app tests: every verb over a real database file, with a mock clock, seeded randomness and a node
//! that converges in memory.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, also in what several tests share"
)]

mod harness;

mod api_keys;
mod audit;
mod certificates;
mod create_user;
mod domains;
mod drift;
mod egress;
mod events;
mod life;
mod link;
mod logs;
mod nodes;
mod ownership;
mod packages;
mod people;
mod policy;
mod second_factor;
mod setup;
mod sign_in;
mod ssh_keys;
mod timers;
mod users;
