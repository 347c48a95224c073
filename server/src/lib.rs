//! The server: use cases, dialects and tasks.
//!
//! [`app`] holds the verbs, one file each; [`rest`] and the agent's link translate requests into them,
//! [`listen`] accepts the connections, and [`serve`] puts everything together.

pub mod acme;
pub mod app;
pub mod clock;
pub mod config;
mod installatron;
mod link;
pub mod listen;
pub mod mail;
pub mod network;
pub mod openapi;
mod panel;
pub mod plesk;
pub mod probe;
pub mod random;
pub mod rest;
pub mod secret;
mod serve;
mod task;
pub mod telemetry;

pub use serve::serve;
