//! The table as the packet filter's program reads it.

use std::collections::BTreeMap;
use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::{Elements, FAMILY, TABLE};

/// The table without anything that changes with the accounts: what the package ships and what is loaded before
/// the network is up.
const FRAME: &str = include_str!("../../../packaging/nftables/egress.nft");

/// A whole table that replaces the one that is there at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruleset {
    /// What it holds.
    pub elements: Elements,
}

impl Ruleset {
    /// Says which frame this version of Berth has.
    pub fn frame() -> String {
        hex::encode(Sha256::digest(FRAME.as_bytes()))
    }

    /// The program's input. Every value in it is a number, an address or a name of ours.
    pub fn render(&self) -> String {
        let mut by_part: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for element in self.elements.iter() {
            by_part.entry(element.part()).or_default().push(element.to_string());
        }
        let mut text = FRAME.to_owned();
        for (part, elements) in by_part {
            // Writing to a string can't fail.
            let _ = write!(
                text,
                "\nadd element {FAMILY} {TABLE} {part} {{\n    {}\n}}\n",
                elements.join(",\n    ")
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use berth_core::Parse;
    use berth_core::account::UID_RANGE;
    use berth_core::egress::{EgressRule, Network, PortRange, Protocol};
    use berth_core::package::EgressPolicy;
    use berth_core::spec::EgressSpec;
    use proptest::prelude::*;

    use super::*;
    use crate::egress::{Element, Grant, Tenant, Verdict, part};

    /// What a rendered ruleset adds to the frame, read back word by word.
    fn read_back(text: &str) -> Elements {
        let mut elements = Elements::default();
        let rest = text.strip_prefix(FRAME).unwrap();
        let words: Vec<&str> = rest.split_whitespace().collect();
        let mut words = words.as_slice();
        while let ["add", "element", "inet", "berth", name, "{", body @ ..] = words {
            let end = body.iter().position(|word| *word == "}").unwrap();
            for element in body[..end].join(" ").split(", ") {
                elements.insert(element_of(name, element));
            }
            words = &body[end + 1..];
        }
        assert!(words.is_empty(), "something else was rendered: {words:?}");
        elements
    }

    fn element_of(name: &str, text: &str) -> Element {
        let element = match (name, text.split(' ').collect::<Vec<_>>().as_slice()) {
            (part::TENANTS, [uid, ":", "goto", chain]) => {
                Element::Tenant(uid.parse().unwrap(), Verdict::of_chain(chain))
            }
            (part::GRANTED4 | part::GRANTED6, [uid, ".", addresses, ".", protocol, ".", ports]) => {
                let (first, last) = addresses.split_once('-').unwrap();
                let (low, high) = ports.split_once('-').unwrap();
                let grant = Grant {
                    addresses: (first.parse().unwrap(), last.parse().unwrap()),
                    protocol: protocol.parse().unwrap(),
                    ports: (low.parse().unwrap(), high.parse().unwrap()),
                };
                Element::Granted(uid.parse().unwrap(), grant)
            }
            (part::RESOLVERS4 | part::RESOLVERS6, [address]) => Element::Resolver(address.parse().unwrap()),
            (name, words) => panic!("{name}: {words:?}"),
        };
        assert_eq!(element.part(), name);
        element
    }

    fn rule() -> impl Strategy<Value = EgressRule> {
        let v4 = (any::<u32>(), 0_u32..=32).prop_map(|(address, prefix)| {
            let mask = u32::MAX.checked_shl(32 - prefix).unwrap_or(0);
            format!("{}/{prefix}", std::net::Ipv4Addr::from(address & mask))
        });
        let v6 = (any::<u128>(), 0_u32..=95).prop_map(|(address, prefix)| {
            let mask = u128::MAX.checked_shl(128 - prefix).unwrap_or(0);
            format!("{}/{prefix}", std::net::Ipv6Addr::from(address & mask))
        });
        let port =
            (1_u16.., any::<u16>()).prop_map(|(a, b)| format!("{}-{}", a.min(b.max(1)), a.max(b.max(1))));
        (prop_oneof![v4, v6], port, prop::sample::select(Protocol::ALL)).prop_map(
            |(network, port, protocol)| EgressRule {
                network: Network::parse(&network).unwrap(),
                port: PortRange::parse(&port).unwrap(),
                protocol,
            },
        )
    }

    fn elements() -> impl Strategy<Value = Elements> {
        let spec = (prop::sample::select(EgressPolicy::ALL), prop::collection::vec(rule(), 0..6));
        let tenants = prop::collection::btree_map(UID_RANGE, spec, 0..6);
        let resolvers = prop::collection::btree_set(any::<std::net::IpAddr>(), 0..4);
        (tenants, resolvers).prop_map(|(tenants, resolvers)| {
            let tenant = |(policy, rules)| Tenant::from(&EgressSpec { policy, rules });
            let tenants = tenants.into_iter().map(|(uid, spec)| (uid, tenant(spec))).collect();
            Elements { tenants, resolvers }
        })
    }

    proptest! {
        #[test]
        fn what_is_rendered_is_what_was_meant(elements in elements()) {
            prop_assert_eq!(read_back(&Ruleset { elements: elements.clone() }.render()), elements);
        }

        #[test]
        fn a_delta_leads_from_one_to_the_other((mut from, to) in (elements(), elements())) {
            let delta = from.delta(&to);
            from.apply(&delta);
            prop_assert!(from.delta(&to).is_empty());
            prop_assert_eq!(from, to);
        }
    }

    #[test]
    fn the_frame_refuses_the_range_of_accounts_and_holds_no_account() {
        let range = format!("meta skuid {}-{} goto tenant", UID_RANGE.start(), UID_RANGE.end());
        assert!(FRAME.contains(&range), "{range}");
        for chain in EgressPolicy::ALL.iter().map(|policy| Verdict::Policy(*policy).chain().unwrap()) {
            assert!(FRAME.contains(&format!("chain {chain} {{")), "{chain}");
        }
        for set in part::WRITTEN.iter().chain(part::COUNTED) {
            assert!(
                FRAME.contains(&format!("set {set} {{")) || FRAME.contains(&format!("map {set} {{")),
                "{set}"
            );
        }
        assert!(!FRAME.contains("add element"));
        assert_eq!(read_back(&Ruleset { elements: Elements::default() }.render()), Elements::default());
    }
}
