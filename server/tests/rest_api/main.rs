//! REST from outside: the real router over the real verbs and a database of its own for every test.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of a test fail it where they stand; the exemption for tests covers test functions only"
)]

mod access;
mod changes;
mod input;
mod installatron;
mod link;
mod listeners;
mod pages;
mod panel;
mod plesk;
mod rates;
mod world;
