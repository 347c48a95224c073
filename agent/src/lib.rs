//! Makes a host match what was decided: observe, compare, apply; on a signal and at each audit.
//!
//! The agent runs as root and listens on nothing. It pulls account specs from the server ([`link`]), keeps
//! them on disk ([`ledger`]), and converges ([`reconcile`]) the resources of each account ([`resource`])
//! through the one door to the system ([`host`]). It goes on for days without the server.

pub mod config;
pub mod drift;
pub mod egress;
pub mod host;
pub mod inquiry;
pub mod ledger;
pub mod link;
pub mod nginx;
pub mod php;
pub mod reconcile;
pub mod resource;
mod runtime;
pub mod timers;
mod worker;

pub use config::AgentConfig;
pub use runtime::{resources, run};
pub use worker::Worker;
