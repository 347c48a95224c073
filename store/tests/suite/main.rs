//! The store suite: the same tests on SQLite always, and on PostgreSQL when `BERTH_TEST_POSTGRES` holds the
//! URL of a server on which databases may be created. Every test has a database of its own.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that can't go on fails, helpers of tests too"
)]

#[macro_use]
mod db;

mod accounts;
mod audit;
mod backup;
mod certificates;
mod conflicts;
mod domains;
mod drift;
mod events;
mod identity;
mod inquiries;
mod life;
mod links;
mod listing;
mod opening;
mod paging;
mod schema;
mod timers;
mod users;
mod web_users;
mod websites;
