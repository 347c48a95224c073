//! PHP of the tenants: an idle tenant costs a socket, a busy one a unit of its own.
//!
//! The agent holds one listener per account ([`listener`]) and waits for the first request. Then it has
//! systemd start PHP-FPM, as the tenant and in the tenant's slice, with a copy of the listener ([`activator`]).
//! From there on PHP accepts for itself, and the agent only looks now and then whether it is idle. Because the
//! agent keeps the listener all the time, requests that come between two units, or while the agent is
//! replaced, wait in the listener's queue.

pub mod activator;
pub mod listener;
pub mod pool;
pub mod program;

pub use activator::{Activator, ActivatorSettings, PoolState, Tenant};
