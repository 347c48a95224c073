//! The addresses of this host, for its certificate.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Every address of this host that somebody else can use.
pub(super) fn own() -> BTreeSet<IpAddr> {
    // A host without one of the two families has no such file.
    let trie = std::fs::read_to_string("/proc/net/fib_trie").unwrap_or_default();
    let inet6 = std::fs::read_to_string("/proc/net/if_inet6").unwrap_or_default();
    parse(&trie, &inet6)
}

fn parse(fib_trie: &str, if_inet6: &str) -> BTreeSet<IpAddr> {
    let mut found = BTreeSet::new();
    let mut leaf: Option<Ipv4Addr> = None;
    for line in fib_trie.lines() {
        let line = line.trim();
        if let Some(address) = line.strip_prefix("|-- ") {
            leaf = address.parse().ok();
        } else if line == "/32 host LOCAL" {
            found.extend(leaf.filter(|address| !address.is_loopback()).map(IpAddr::V4));
        }
    }
    for line in if_inet6.lines() {
        let mut fields = line.split_whitespace();
        let number = fields.next().and_then(|digits| u128::from_str_radix(digits, 16).ok());
        // The fourth field is the scope; 00 is global.
        let global = fields.nth(2) == Some("00");
        found.extend(number.filter(|_| global).map(Ipv6Addr::from_bits).map(IpAddr::V6));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_and_link_local_are_left_out() {
        let trie = "\
Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 10.7.0.0
        /24 link UNICAST
Local:
  +-- 0.0.0.0/0 3 0 5
        |-- 10.7.0.2
           /32 host LOCAL
        |-- 10.7.0.255
           /32 link BROADCAST
        |-- 127.0.0.1
           /32 host LOCAL
";
        let inet6 = "\
00000000000000000000000000000001 01 80 10 80       lo
20010db8000000000000000000000007 02 40 00 80     eth0
fe80000000000000000000fffe000001 02 40 20 80     eth0
";
        let found: Vec<String> = parse(trie, inet6).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["10.7.0.2", "2001:db8::7"]);
    }
}
