//! The packet filter, as far as Berth's own table is concerned.

use std::collections::BTreeMap;

use super::Result;
use crate::egress::{Delta, Elements, Refusals, Ruleset, Verdict};

/// The packet filter. Other tables than ours are neither read nor changed.
pub trait Firewall: Send + Sync {
    /// Asks whether there is anything to look at.
    fn look(&self) -> Result<Look>;

    /// Reads the whole table; `None` if there is none.
    fn table(&self) -> Result<Option<Table>>;

    /// Puts a table in the place of the one that is there, at once.
    fn replace(&self, ruleset: &Ruleset) -> Result<()>;

    /// Changes elements, thousands of them at once, provided that the packet filter is still at this
    /// generation. An element that is to go and is not there, or that is to come and is there, is an error.
    fn change(&self, generation: u32, delta: &Delta) -> Result<Changed>;

    /// Reads the elements of these accounts in the map; one that has none is an error.
    fn verdicts(&self, uids: &[u32]) -> Result<BTreeMap<u32, Verdict>>;

    /// Reads what was refused.
    fn refusals(&self) -> Result<Refusals>;
}

/// What a look at the packet filter shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Rises with every change of any table by anybody.
    pub generation: u32,
    /// Refused packets since our table was loaded; `None` if there is no table of ours.
    pub refused: Option<u64>,
}

/// Our table as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// A fingerprint of each part of the frame, such as `chain web`, by its name.
    pub frame: BTreeMap<String, String>,
    /// What changes with the accounts.
    pub elements: Elements,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// It is made, and the packet filter is at this generation now.
    Done(u32),
    /// Somebody else has changed the packet filter meanwhile.
    Overtaken,
}

/// The generation after this one: it never is 0.
pub(super) const fn next_generation(generation: u32) -> u32 {
    match generation.wrapping_add(1) {
        0 => 1,
        next => next,
    }
}
