//! The whole product under faults: the real verbs, store and agent, and a host that is a directory tree.
//!
//! A seed decides what is asked for, how everything interleaves and what goes wrong. The same seed gives the
//! same run. Afterwards everything has to converge, and database, ledger and host have to agree.
//!
//! `BERTH_SIM_SEED=…` runs one seed and shows its steps; `BERTH_SIM_RUNS=…` sets how many are run.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unnecessary_wraps,
    reason = "helpers of a test fail it where they stand, and the exemption for tests covers test functions only; entries of a table have one type"
)]

mod check;
mod clock;
mod converge;
mod dice;
mod every_step;
mod facts;
mod faults;
mod names;
mod node;
mod run;
mod script;
mod server;
mod simulated;
mod turns;
mod verbs;
mod view;
mod world;
