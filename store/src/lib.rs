//! The database of Berth: every SQL statement and every migration, for SQLite and PostgreSQL.
//!
//! A [`Store`] opens the database. [`Store::begin`] gives a [`Tx`] that may write, [`Store::read`] one that
//! sees one moment and may not; [`Tx::commit`] keeps what was written, dropping it does not. The functions are
//! grouped by what they are about, and each takes a `&mut Tx`, so that whoever decides (`server::app`) also
//! says what belongs into one transaction.
//!
//! There is one SQL text for both engines; where they differ, the two texts stand side by side in the same
//! statement. A test prepares every statement on both.

#[macro_use]
mod statement;

pub mod accounts;
pub mod api_keys;
pub mod audit;
pub mod backup;
pub mod certificates;
pub mod conditions;
pub mod domains;
pub mod drift;
pub mod egress_rules;
pub mod email_changes;
mod error;
pub mod events;
pub mod external_users;
mod filter;
pub mod gate;
pub mod idempotency;
pub mod impersonations;
pub mod inquiries;
pub mod invitations;
pub mod links;
pub mod login_history;
pub mod mails;
pub mod memberships;
pub mod nodes;
pub mod numbers;
pub mod outbox;
pub mod packages;
pub mod plesk_keys;
pub mod proofs;
pub mod second_factors;
pub mod sessions;
pub mod settings;
pub mod specs;
pub mod ssh_keys;
mod store;
pub mod suspensions;
pub mod throttles;
pub mod timers;
pub mod trash;
mod tx;
pub mod users;
mod value;
pub mod web_users;
pub mod webhooks;
pub mod websites;

pub use error::{Constraint, StoreError};
pub use statement::Statement;
pub use store::{Engine, Store};
pub use tx::Tx;

/// What every function here answers.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Every statement that the store runs, for the test that prepares them.
pub fn statements() -> Vec<Statement> {
    [
        accounts::STATEMENTS,
        api_keys::STATEMENTS,
        audit::STATEMENTS,
        certificates::STATEMENTS,
        certificates::accounts::STATEMENTS,
        certificates::orders::STATEMENTS,
        conditions::STATEMENTS,
        domains::STATEMENTS,
        drift::STATEMENTS,
        events::STATEMENTS,
        idempotency::STATEMENTS,
        inquiries::STATEMENTS,
        memberships::STATEMENTS,
        nodes::STATEMENTS,
        nodes::inventory::STATEMENTS,
        nodes::quarantine::STATEMENTS,
        outbox::STATEMENTS,
        packages::STATEMENTS,
        proofs::STATEMENTS,
        impersonations::STATEMENTS,
        login_history::STATEMENTS,
        email_changes::STATEMENTS,
        invitations::STATEMENTS,
        links::STATEMENTS,
        mails::STATEMENTS,
        second_factors::STATEMENTS,
        sessions::STATEMENTS,
        throttles::STATEMENTS,
        settings::STATEMENTS,
        specs::STATEMENTS,
        ssh_keys::STATEMENTS,
        egress_rules::STATEMENTS,
        suspensions::STATEMENTS,
        external_users::STATEMENTS,
        websites::STATEMENTS,
        timers::STATEMENTS,
        trash::STATEMENTS,
        users::STATEMENTS,
        users::search::STATEMENTS,
        webhooks::STATEMENTS,
        webhooks::deliveries::STATEMENTS,
        numbers::STATEMENTS,
        plesk_keys::STATEMENTS,
        web_users::STATEMENTS,
    ]
    .concat()
    .into_iter()
    .chain(users::list::every_statement())
    .chain(audit::page::every_statement())
    .chain(drift::every_statement())
    .chain(events::every_statement())
    .chain(webhooks::deliveries::every_statement())
    .chain(backup::every_statement())
    .collect()
}
