//! The rules of an account as pieces that don't overlap, which is what the kernel's interval sets take.

use std::collections::{BTreeMap, BTreeSet};

use super::{EgressRule, Network, PortRange, Protocol};

/// A piece of what an account may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reach {
    /// Where to.
    pub network: Network,
    /// By which protocol.
    pub protocol: Protocol,
    /// Lowest and highest port.
    pub ports: (u16, u16),
}

/// The same reach as that of the rules together, in pieces of which no two share an address, protocol and
/// port. Two networks are either apart or one contains the other, so it is enough to cut the ports.
pub fn disjoint(rules: &[EgressRule]) -> BTreeSet<Reach> {
    let mut by_protocol: BTreeMap<Protocol, Vec<(Network, PortRange)>> = BTreeMap::new();
    for rule in rules {
        by_protocol.entry(rule.protocol).or_default().push((rule.network, rule.port));
    }
    let mut pieces = BTreeSet::new();
    for (protocol, rules) in by_protocol {
        // Ports at which something begins, or behind which something ends.
        let cuts: BTreeSet<u32> = rules
            .iter()
            .flat_map(|(_, ports)| [u32::from(ports.first()), u32::from(ports.last()) + 1])
            .collect();
        let mut open: BTreeMap<Network, (u32, u32)> = BTreeMap::new();
        for (start, end) in cuts.iter().zip(cuts.iter().skip(1)) {
            let networks: BTreeSet<Network> = rules
                .iter()
                .filter(|(_, ports)| u32::from(ports.first()) <= *start && *start <= u32::from(ports.last()))
                .map(|(network, _)| *network)
                .collect();
            for network in &networks {
                if networks.iter().any(|other| other != network && other.contains(*network)) {
                    continue;
                }
                match open.get_mut(network) {
                    Some((_, until)) if *until == *start => *until = *end,
                    _ => {
                        let former = open.insert(*network, (*start, *end));
                        pieces.extend(former.map(|ports| piece(*network, protocol, ports)));
                    }
                }
            }
        }
        pieces.extend(open.into_iter().map(|(network, ports)| piece(network, protocol, ports)));
    }
    pieces
}

fn piece(network: Network, protocol: Protocol, (start, end): (u32, u32)) -> Reach {
    let port = |number: u32| u16::try_from(number).unwrap_or(u16::MAX);
    Reach { network, protocol, ports: (port(start), port(end.saturating_sub(1))) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Parse;

    fn rule(network: &str, port: &str, protocol: Protocol) -> EgressRule {
        EgressRule {
            network: Network::parse(network).unwrap(),
            port: PortRange::parse(port).unwrap(),
            protocol,
        }
    }

    fn shown(rules: &[EgressRule]) -> Vec<String> {
        let show = |r: &Reach| format!("{} {} {}-{}", r.network, r.protocol, r.ports.0, r.ports.1);
        disjoint(rules).iter().map(show).collect()
    }

    #[test]
    fn nested_networks_are_cut_at_their_ports() {
        let rules =
            [rule("10.0.0.0/8", "100-200", Protocol::Tcp), rule("10.1.0.0/16", "150-300", Protocol::Tcp)];
        assert_eq!(shown(&rules), ["10.0.0.0/8 tcp 100-200", "10.1.0.0/16 tcp 201-300"]);
        let twice = [rule("192.0.2.7", "25", Protocol::Tcp), rule("192.0.2.7", "25", Protocol::Udp)];
        assert_eq!(shown(&twice), ["192.0.2.7 tcp 25-25", "192.0.2.7 udp 25-25"]);
        let whole = [rule("0.0.0.0/0", "1-65535", Protocol::Tcp), rule("::/0", "65535", Protocol::Tcp)];
        assert_eq!(shown(&whole), ["0.0.0.0/0 tcp 1-65535", "::/0 tcp 65535-65535"]);
    }

    fn rules() -> impl Strategy<Value = Vec<EgressRule>> {
        let network = (0_u32..16, 26_u32..=32).prop_map(|(address, prefix)| {
            let bits = (0xC000_0200 | address << 2) & (u32::MAX << (32 - prefix));
            format!("{}/{prefix}", std::net::Ipv4Addr::from(bits))
        });
        let one = (network, 1_u16..40, 0_u16..20, prop::bool::ANY).prop_map(|(network, port, more, udp)| {
            let protocol = if udp { Protocol::Udp } else { Protocol::Tcp };
            rule(&network, &format!("{port}-{}", port + more), protocol)
        });
        prop::collection::vec(one, 0..super::super::RULES_MAX)
    }

    proptest! {
        #[test]
        fn the_reach_is_the_same_and_no_two_pieces_overlap(rules in rules()) {
            let pieces: Vec<Reach> = disjoint(&rules).into_iter().collect();
            for (index, a) in pieces.iter().enumerate() {
                for b in pieces.iter().skip(index + 1) {
                    let apart = a.protocol != b.protocol
                        || a.ports.1 < b.ports.0
                        || b.ports.1 < a.ports.0
                        || !(a.network.contains(b.network) || b.network.contains(a.network));
                    prop_assert!(apart, "{a:?} {b:?}");
                }
            }
            for address in 0_u32..64 {
                let host = Network::parse(&std::net::Ipv4Addr::from(0xC000_0200 | address).to_string()).unwrap();
                for port in 1_u16..64 {
                    for protocol in Protocol::ALL {
                        let by_rules = rules.iter().any(|r| r.protocol == *protocol && r.network.contains(host)
                            && r.port.first() <= port && port <= r.port.last());
                        let by_pieces = pieces.iter().any(|r| r.protocol == *protocol && r.network.contains(host)
                            && r.ports.0 <= port && port <= r.ports.1);
                        prop_assert_eq!(by_rules, by_pieces);
                    }
                }
            }
        }
    }
}
