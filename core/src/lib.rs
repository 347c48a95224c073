//! Types, policy, planner and problem catalogue of Berth.
//!
//! This crate is pure: no I/O, no clock, no randomness. Every value that comes from outside is parsed here,
//! once, into a type that can hold nothing else; every derived name (unit, socket, directory) is a total
//! function of such a type. See `ARCHITECTURE.md` for the map.

pub mod account;
pub mod audit;
pub mod certificate;
pub mod command;
pub mod condition;
pub mod domain;
pub mod drift;
pub mod egress;
pub mod event;
pub mod id;
pub mod input;
pub mod inquiry;
pub mod layout;
pub mod link;
pub mod log;
pub mod mail;
pub mod mode;
pub mod name;
pub mod ownership;
pub mod package;
pub mod password;
pub mod plan;
pub mod policy;
pub mod problem;
pub mod role;
pub mod session;
pub mod settings;
pub mod spec;
pub mod ssh_key;
pub mod standing;
pub mod suspension;
pub mod timer;
pub mod user;
pub mod view;
pub mod web_user;
pub mod webhook;
pub mod website;

pub use input::{Fields, Parse};
pub use problem::{Code, Problem, Problems};
