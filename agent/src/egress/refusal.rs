//! What was refused.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// Packets to one destination that were refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// The account.
    pub uid: u32,
    /// Where to.
    pub to: IpAddr,
    /// Number of the protocol.
    pub protocol: u8,
    /// Which port.
    pub port: u16,
    /// How many.
    pub packets: u64,
}

/// What the table has counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusals {
    /// Destinations of the last day.
    pub destinations: Vec<Refusal>,
    /// All refused packets by account since the table was loaded.
    pub totals: BTreeMap<u32, u64>,
}
