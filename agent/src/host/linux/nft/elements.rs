//! Elements of the table's sets as the kernel writes them.
//!
//! Fields of a key take four bytes each or a multiple of that. The number of an account is in the machine's
//! order, except in sets of intervals, where the kernel compares byte by byte from the left.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::message::{Body, attributes, find, number32, number64, of, text, value};
use crate::egress::{Element, Grant, Refusal, Verdict, part};

/// Writes an element; with its value if it is to come.
pub(super) fn encode(body: &mut Body, element: &Element, comes: bool) {
    match element {
        Element::Tenant(uid, verdict) => {
            data(body, of::ELEM_KEY, &uid.to_ne_bytes());
            if let Some(chain) = verdict.chain().filter(|_| comes) {
                body.nested(of::ELEM_DATA, |body| {
                    body.nested(of::DATA_VERDICT, |body| {
                        body.number(of::VERDICT_CODE, of::GOTO);
                        body.text(of::VERDICT_CHAIN, chain);
                    });
                });
            }
        }
        Element::Granted(uid, grant) => {
            let (first, last) = grant.addresses;
            data(body, of::ELEM_KEY, &granted(*uid, first, grant.protocol, grant.ports.0));
            data(body, of::ELEM_KEY_END, &granted(*uid, last, grant.protocol, grant.ports.1));
        }
        Element::Resolver(address) => data(body, of::ELEM_KEY, &octets(*address)),
    }
}

/// Reads an element of one of the parts that the agent writes. `None` for what can't be one of ours.
pub(super) fn decode(part: &str, element: &[u8]) -> Option<Element> {
    let key = value(element, of::ELEM_KEY)?;
    match part {
        part::TENANTS => {
            let uid = u32::from_ne_bytes(key.try_into().ok()?);
            let verdict = find(find(element, of::ELEM_DATA)?, of::DATA_VERDICT)?;
            let goes = find(verdict, of::VERDICT_CODE).and_then(number32) == Some(of::GOTO);
            let chain = text(verdict, of::VERDICT_CHAIN).filter(|_| goes).unwrap_or_default();
            Some(Element::Tenant(uid, Verdict::of_chain(chain)))
        }
        part::GRANTED4 | part::GRANTED6 => {
            let (uid, first, protocol, low) = fields(key)?;
            let (_, last, _, high) = fields(value(element, of::ELEM_KEY_END).unwrap_or(key))?;
            let grant = Grant { addresses: (first, last), protocol, ports: (low, high) };
            Some(Element::Granted(u32::from_be_bytes(uid), grant))
        }
        part::RESOLVERS4 | part::RESOLVERS6 => address(key).map(Element::Resolver),
        _ => None,
    }
}

/// Reads an element of the sets of refused destinations.
pub(super) fn refusal(_part: &str, element: &[u8]) -> Option<Refusal> {
    let (uid, to, protocol, port) = fields(value(element, of::ELEM_KEY)?)?;
    Some(Refusal { uid: u32::from_ne_bytes(uid), to, protocol, port, packets: packets(element)? })
}

/// The packets that an element's counter has counted.
pub(super) fn packets(element: &[u8]) -> Option<u64> {
    let single = find(element, of::ELEM_EXPRESSION);
    let several = || attributes(find(element, of::ELEM_EXPRESSIONS)?).map(|(_, one)| one).find(counts);
    let expression = single.filter(counts).or_else(several)?;
    number64(find(find(expression, of::EXPRESSION_DATA)?, of::COUNTER_PACKETS)?)
}

fn counts(expression: &&[u8]) -> bool {
    text(expression, of::EXPRESSION_NAME) == Some("counter")
}

/// The elements of an answer.
pub(super) fn listed(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    attributes(find(body, of::LIST_ELEMENTS).unwrap_or_default()).map(|(_, element)| element)
}

fn data(body: &mut Body, kind: u16, bytes: &[u8]) {
    body.nested(kind, |body| body.attribute(of::DATA_VALUE, bytes));
}

fn granted(uid: u32, address: IpAddr, protocol: u8, port: u16) -> Vec<u8> {
    let mut key = uid.to_be_bytes().to_vec();
    key.extend(octets(address));
    key.extend([protocol, 0, 0, 0]);
    key.extend(port.to_be_bytes());
    key.extend([0, 0]);
    key
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(|octets| Ipv4Addr::from(octets).into()),
        16 => <[u8; 16]>::try_from(bytes).ok().map(|octets| Ipv6Addr::from(octets).into()),
        _ => None,
    }
}

/// Account, address, protocol and port of a key.
fn fields(key: &[u8]) -> Option<([u8; 4], IpAddr, u8, u16)> {
    let (uid, rest) = key.split_first_chunk::<4>()?;
    let (rest, port) = rest.split_last_chunk::<4>()?;
    let (host, protocol) = rest.split_last_chunk::<4>()?;
    let [protocol, ..] = protocol;
    let [high, low, ..] = port;
    Some((*uid, address(host)?, *protocol, u16::from_be_bytes([*high, *low])))
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use berth_core::package::EgressPolicy;
    use proptest::prelude::*;

    use super::*;

    fn element() -> impl Strategy<Value = Element> {
        let verdict = prop::sample::select(EgressPolicy::ALL).prop_map(Verdict::Policy);
        let pair =
            prop_oneof![any::<[u8; 4]>().prop_map(IpAddr::from), any::<[u8; 16]>().prop_map(IpAddr::from),];
        let grant = (pair.clone(), any::<u8>(), any::<(u16, u16)>())
            .prop_map(|(address, protocol, ports)| Grant { addresses: (address, address), protocol, ports });
        prop_oneof![
            (any::<u32>(), verdict).prop_map(|(uid, verdict)| Element::Tenant(uid, verdict)),
            (any::<u32>(), grant).prop_map(|(uid, grant)| Element::Granted(uid, grant)),
            pair.prop_map(Element::Resolver),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(element in element()) {
            let mut body = Body::default();
            encode(&mut body, &element, true);
            prop_assert_eq!(decode(element.part(), body.bytes()), Some(element));
        }

        #[test]
        fn reading_whatever_comes_never_fails(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            for part in part::WRITTEN {
                let _ = decode(part, &bytes);
            }
            let _ = refusal(part::BLOCKED4, &bytes);
            prop_assert!(super::super::message::messages(&bytes).count() <= 5);
        }
    }
}
