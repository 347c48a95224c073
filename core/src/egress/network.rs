//! Networks, in the notation of RFC 4632 (CIDR).

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Code, Parse, Problem};

/// An IPv4 or IPv6 network: an address and the length of its prefix, with no bit set behind the prefix. A
/// single address is a network of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "192.0.2.0/24")]
pub struct Network(IpNet);

impl Network {
    /// Its first address.
    pub fn first(self) -> IpAddr {
        self.0.network()
    }

    /// Its last address.
    pub fn last(self) -> IpAddr {
        self.0.broadcast()
    }

    /// Whether every address of another network is in this one.
    pub fn contains(self, other: Self) -> bool {
        self.0.contains(&other.0)
    }
}

impl Parse for Network {
    fn parse(text: &str) -> Result<Self, Problem> {
        let invalid = |what: String| {
            Problem::new(Code::NetworkInvalid, what).hint(
                "write an address such as 192.0.2.7, or a network such as 192.0.2.0/24 or 2001:db8::/32",
            )
        };
        let parsed = if text.contains('/') {
            text.parse::<IpNet>().ok()
        } else {
            text.parse::<IpAddr>().ok().map(IpNet::from)
        };
        let network =
            parsed.ok_or_else(|| invalid(format!("`{}` is not a network", crate::name::shown(text))))?;
        if let IpAddr::V6(address) = network.addr()
            && address.to_ipv4_mapped().is_some()
            && network.prefix_len() >= 96
        {
            // No packet ever carries such an address, so the rule would never match.
            return Err(invalid(format!("{network} stands for IPv4")).hint("write it as an IPv4 network"));
        }
        if network.addr() != network.network() {
            return Err(invalid(format!("{network} has bits set behind its prefix"))
                .hint(format!("the network is {}", network.trunc())));
        }
        Ok(Self(network))
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() { self.0.addr().fmt(f) } else { self.0.fmt(f) }
    }
}

impl TryFrom<String> for Network {
    type Error = Problem;

    fn try_from(text: String) -> Result<Self, Problem> {
        Self::parse(&text)
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rules() {
        for (text, shown) in [
            ("192.0.2.7", "192.0.2.7"),
            ("192.0.2.7/32", "192.0.2.7"),
            ("192.0.2.0/24", "192.0.2.0/24"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("2001:DB8::/32", "2001:db8::/32"),
            ("::1/128", "::1"),
        ] {
            assert_eq!(Network::parse(text).unwrap().to_string(), shown);
        }
        for bad in [
            "",
            "/",
            "192.0.2.1/24",
            "192.0.2.0/33",
            "192.0.2.0/024",
            "192.0.2.0/+4",
            "192.0.2/24",
            " 192.0.2.0/24",
            "2001:db8::1/32",
            "::ffff:192.0.2.7",
            "fe80::1%eth0",
            "192.0.2.0/24 }",
            "example.com",
            "1.2.3.4-1.2.3.5",
        ] {
            assert_eq!(Network::parse(bad).unwrap_err().code, Code::NetworkInvalid, "{bad:?}");
        }
        let hint = Network::parse("192.0.2.1/24").unwrap_err().hint.unwrap();
        assert_eq!(hint, "the network is 192.0.2.0/24");
    }

    proptest! {
        #[test]
        fn whatever_is_accepted_survives_and_holds_nothing_but_an_address(text in "[0-9a-f:./ ;{}\\n]{0,24}") {
            if let Ok(network) = Network::parse(&text) {
                let shown = network.to_string();
                prop_assert_eq!(Network::parse(&shown).unwrap(), network);
                prop_assert!(shown.bytes().all(|b| b.is_ascii_hexdigit() || b":./".contains(&b)));
                prop_assert!(network.first() <= network.last());
            }
        }
    }
}
