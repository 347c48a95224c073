//! The name servers of the host, by its resolver configuration.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

/// Name servers of a `resolv.conf` (resolv.conf(5)): of several lines the first three count, and without any
/// the resolver asks this host itself.
pub fn resolvers(text: &str) -> BTreeSet<IpAddr> {
    let addresses = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let keyword = words.next()?;
        // A link-local address comes with its interface.
        let address = words.next()?.split('%').next()?;
        (keyword == "nameserver").then(|| address.parse::<IpAddr>().ok()).flatten()
    });
    let mut found: BTreeSet<IpAddr> = addresses.take(3).collect();
    if found.is_empty() {
        found.insert(Ipv4Addr::LOCALHOST.into());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_three_count() {
        let check = |text: &str, expected: &[&str]| {
            assert_eq!(resolvers(text), expected.iter().map(|a| a.parse().unwrap()).collect(), "{text:?}");
        };
        check("", &["127.0.0.1"]);
        check("# nameserver 192.0.2.1\noptions edns0\nnameserver\nnameserver x\n", &["127.0.0.1"]);
        check("nameserver 127.0.0.53\nsearch example.com\n", &["127.0.0.53"]);
        check("nameserver fe80::1%eth0\n  nameserver\t2001:db8::53 \n", &["fe80::1", "2001:db8::53"]);
        let four = "nameserver 10.0.0.1\nnameserver 10.0.0.2\nnameserver 10.0.0.3\nnameserver 10.0.0.4\n";
        check(four, &["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
    }
}
