//! What of the table changes with the accounts.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use berth_core::egress::{Reach, disjoint};
use berth_core::package::EgressPolicy;
use berth_core::spec::EgressSpec;
use serde::{Deserialize, Serialize};

use super::part;

/// All of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elements {
    /// By the number of the account.
    pub tenants: BTreeMap<u32, Tenant>,
    /// The name servers of the host.
    pub resolvers: BTreeSet<IpAddr>,
}

/// What the table says about one account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Its element in the map; without one everything is refused.
    pub verdict: Option<Verdict>,
    /// What it may reach beside that; no two overlap.
    pub grants: BTreeSet<Grant>,
}

/// Where the map sends an account's packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Verdict {
    /// To the chain of a policy.
    Policy(EgressPolicy),
    /// Somewhere that is not ours.
    Foreign,
}

/// Addresses and ports that one account may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Grant {
    /// First and last address, both of one family.
    pub addresses: (IpAddr, IpAddr),
    /// Number of the protocol.
    pub protocol: u8,
    /// First and last port.
    pub ports: (u16, u16),
}

/// One element of a set or map of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Element {
    /// Of the map of accounts.
    Tenant(u32, Verdict),
    /// Of the sets of grants.
    Granted(u32, Grant),
    /// Of the sets of name servers.
    Resolver(IpAddr),
}

/// What has to go and what has to come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delta {
    /// Goes first.
    pub remove: Vec<Element>,
    /// Comes afterwards.
    pub add: Vec<Element>,
}

impl Verdict {
    /// The chain of a policy. `None` for what is not ours.
    pub const fn chain(self) -> Option<&'static str> {
        match self {
            Self::Policy(EgressPolicy::Nothing) => Some("none"),
            Self::Policy(EgressPolicy::Web) => Some("web"),
            // A plus sign is no letter of the packet filter's names.
            Self::Policy(EgressPolicy::WebAndMail) => Some("web-mail"),
            Self::Policy(EgressPolicy::Open) => Some("open"),
            Self::Foreign => None,
        }
    }

    /// The verdict that goes to a chain of this name.
    pub fn of_chain(name: &str) -> Self {
        let policies = EgressPolicy::ALL.iter().map(|policy| Self::Policy(*policy));
        policies.into_iter().find(|verdict| verdict.chain() == Some(name)).unwrap_or(Self::Foreign)
    }
}

impl From<Reach> for Grant {
    fn from(reach: Reach) -> Self {
        Self {
            addresses: (reach.network.first(), reach.network.last()),
            protocol: reach.protocol.number(),
            ports: reach.ports,
        }
    }
}

impl From<&EgressSpec> for Tenant {
    fn from(spec: &EgressSpec) -> Self {
        Self {
            verdict: Some(Verdict::Policy(spec.policy)),
            grants: disjoint(&spec.rules).into_iter().map(Grant::from).collect(),
        }
    }
}

impl Tenant {
    fn elements(&self, uid: u32) -> impl Iterator<Item = Element> + '_ {
        let verdict = self.verdict.map(|verdict| Element::Tenant(uid, verdict));
        verdict.into_iter().chain(self.grants.iter().map(move |grant| Element::Granted(uid, *grant)))
    }
}

impl Element {
    /// The part of the table that holds it.
    pub const fn part(&self) -> &'static str {
        match self {
            Self::Tenant(..) => part::TENANTS,
            Self::Granted(_, grant) if grant.addresses.0.is_ipv4() => part::GRANTED4,
            Self::Granted(..) => part::GRANTED6,
            Self::Resolver(address) if address.is_ipv4() => part::RESOLVERS4,
            Self::Resolver(_) => part::RESOLVERS6,
        }
    }

    /// The account that it is about, if it is about one.
    pub const fn uid(&self) -> Option<u32> {
        match self {
            Self::Tenant(uid, _) | Self::Granted(uid, _) => Some(*uid),
            Self::Resolver(_) => None,
        }
    }
}

impl std::fmt::Display for Element {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tenant(uid, verdict) => {
                write!(f, "{uid} : goto {}", verdict.chain().unwrap_or("elsewhere"))
            }
            Self::Granted(uid, Grant { addresses: (first, last), protocol, ports }) => {
                write!(f, "{uid} . {first}-{last} . {protocol} . {}-{}", ports.0, ports.1)
            }
            Self::Resolver(address) => address.fmt(f),
        }
    }
}

impl Elements {
    /// Every element.
    pub fn iter(&self) -> impl Iterator<Item = Element> + '_ {
        let tenants = self.tenants.iter().flat_map(|(uid, tenant)| tenant.elements(*uid));
        self.resolvers.iter().map(|address| Element::Resolver(*address)).chain(tenants)
    }

    /// Notes an element.
    pub fn insert(&mut self, element: Element) {
        match element {
            Element::Tenant(uid, verdict) => self.tenants.entry(uid).or_default().verdict = Some(verdict),
            Element::Granted(uid, grant) => {
                self.tenants.entry(uid).or_default().grants.insert(grant);
            }
            Element::Resolver(address) => {
                self.resolvers.insert(address);
            }
        }
    }

    /// Forgets an element.
    pub fn remove(&mut self, element: &Element) {
        match element {
            Element::Resolver(address) => {
                self.resolvers.remove(address);
            }
            Element::Tenant(uid, _) => {
                if let Some(tenant) = self.tenants.get_mut(uid) {
                    tenant.verdict = None;
                }
            }
            Element::Granted(uid, grant) => {
                if let Some(tenant) = self.tenants.get_mut(uid) {
                    tenant.grants.remove(grant);
                }
            }
        }
        if let Some(uid) = element.uid()
            && self.tenants.get(&uid) == Some(&Tenant::default())
        {
            self.tenants.remove(&uid);
        }
    }

    /// What an account's part lacks and has too much, compared with what it shall be.
    pub fn delta_of(&self, uid: u32, wanted: &Tenant) -> Delta {
        let nothing = Tenant::default();
        let found = self.tenants.get(&uid).unwrap_or(&nothing);
        if found == wanted {
            return Delta::default();
        }
        differences(found.elements(uid), wanted.elements(uid))
    }

    /// What all of it lacks and has too much.
    pub fn delta(&self, wanted: &Self) -> Delta {
        if self == wanted { Delta::default() } else { differences(self.iter(), wanted.iter()) }
    }

    /// Applies a delta.
    pub fn apply(&mut self, delta: &Delta) {
        delta.remove.iter().for_each(|element| self.remove(element));
        delta.add.iter().for_each(|element| self.insert(*element));
    }
}

fn differences(found: impl Iterator<Item = Element>, wanted: impl Iterator<Item = Element>) -> Delta {
    let (found, wanted): (BTreeSet<Element>, BTreeSet<Element>) = (found.collect(), wanted.collect());
    Delta {
        remove: found.difference(&wanted).copied().collect(),
        add: wanted.difference(&found).copied().collect(),
    }
}

impl Delta {
    /// Whether there is nothing to do.
    pub const fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.add.is_empty()
    }

    /// Adds what another one does.
    pub fn extend(&mut self, other: Self) {
        self.remove.extend(other.remove);
        self.add.extend(other.add);
    }
}
