//! The table `inet berth` of the packet filter: what it holds, how it is written, how two of them differ.

mod elements;
mod refusal;
mod resolvers;
mod ruleset;

pub use elements::{Delta, Element, Elements, Grant, Tenant, Verdict};
pub use refusal::{Refusal, Refusals};
pub use resolvers::resolvers;
pub use ruleset::Ruleset;

/// Name of the table. Tables of other names are never touched.
pub const TABLE: &str = "berth";

/// Of the family `inet`, which sees IPv4 and IPv6.
pub const FAMILY: &str = "inet";

/// Names of the parts of the table that hold what changes.
pub mod part {
    /// The map from account to policy.
    pub const TENANTS: &str = "tenants";
    /// Name servers by IPv4.
    pub const RESOLVERS4: &str = "resolvers4";
    /// Name servers by IPv6.
    pub const RESOLVERS6: &str = "resolvers6";
    /// What single accounts may reach by IPv4.
    pub const GRANTED4: &str = "granted4";
    /// What single accounts may reach by IPv6.
    pub const GRANTED6: &str = "granted6";
    /// Refused destinations by IPv4, with counters.
    pub const BLOCKED4: &str = "blocked4";
    /// Refused destinations by IPv6, with counters.
    pub const BLOCKED6: &str = "blocked6";
    /// Refused packets by account.
    pub const REFUSALS: &str = "refusals";
    /// How fast accounts note new destinations.
    pub const PACE: &str = "pace";
    /// Refused packets of all accounts.
    pub const REFUSED: &str = "refused";

    /// The parts whose content the kernel writes by itself.
    pub const COUNTED: &[&str] = &[BLOCKED4, BLOCKED6, REFUSALS, PACE];
    /// The parts whose content the agent writes.
    pub const WRITTEN: &[&str] = &[TENANTS, RESOLVERS4, RESOLVERS6, GRANTED4, GRANTED6];
}
