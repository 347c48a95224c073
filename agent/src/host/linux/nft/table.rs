//! Reading the whole table.

use std::collections::BTreeMap;
use std::io;

use sha2::{Digest, Sha256};

use super::elements::{decode, listed};
use super::message::{Datagram, INET, find, of, text};
use super::socket::{Netlink, Request};
use crate::egress::{TABLE, part};
use crate::host::firewall::Table;

/// Reads our table with everything in it; `None` if there is none.
pub(super) fn read(link: &mut Netlink) -> io::Result<Option<Table>> {
    // Somebody may change another table while we read. The kernel says so, and the next time is better.
    for _ in 0..4 {
        match read_once(link) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
        *link = Netlink::open()?;
    }
    read_once(link)
}

fn read_once(link: &mut Netlink) -> io::Result<Option<Table>> {
    let mut frame = Frame::default();
    dump(link, (of::GETTABLE, of::TABLE_NAME), |body| {
        frame.note("table", body, &[of::TABLE_FLAGS]);
    })?;
    if frame.parts.is_empty() {
        return Ok(None);
    }
    dump(link, (of::GETCHAIN, of::CHAIN_TABLE), |body| {
        let name = format!("chain {}", text(body, of::CHAIN_NAME).unwrap_or_default());
        let kinds = [of::CHAIN_HOOK, of::CHAIN_POLICY, of::CHAIN_TYPE, of::CHAIN_FLAGS];
        frame.note(&name, body, &kinds);
    })?;
    dump(link, (of::GETRULE, of::RULE_TABLE), |body| {
        let name = format!("chain {}", text(body, of::RULE_CHAIN).unwrap_or_default());
        frame.note(&name, body, &[of::RULE_EXPRESSIONS]);
    })?;
    dump(link, (of::GETOBJ, of::OBJ_TABLE), |body| {
        let name = format!("counter {}", text(body, of::OBJ_NAME).unwrap_or_default());
        frame.note(&name, body, &[of::OBJ_TYPE]);
    })?;
    let mut sets = Vec::new();
    dump(link, (of::GETSET, of::SET_TABLE), |body| {
        let name = text(body, of::SET_NAME).unwrap_or_default().to_owned();
        let kinds = [
            of::SET_FLAGS,
            of::SET_KEY_TYPE,
            of::SET_KEY_LEN,
            of::SET_DATA_TYPE,
            of::SET_DATA_LEN,
            of::SET_TIMEOUT,
        ];
        frame.note(&format!("set {name}"), body, &kinds);
        sets.push(name);
    })?;
    let mut table = Table::default();
    for set in sets {
        if part::COUNTED.contains(&set.as_str()) {
            continue;
        }
        let written = part::WRITTEN.contains(&set.as_str());
        let mut digests = Vec::new();
        dump_elements(link, &set, |element| match decode(&set, element) {
            Some(element) if written => table.elements.insert(element),
            _ => digests
                .push(digest_of(element, &[of::ELEM_KEY, of::ELEM_KEY_END, of::ELEM_FLAGS, of::ELEM_DATA])),
        })?;
        // A set has no order.
        digests.sort_unstable();
        for digest in digests {
            frame.add(&format!("set {set}"), &digest);
        }
    }
    table.frame = frame.finish();
    Ok(Some(table))
}

/// Gives each element of a set.
pub(super) fn dump_elements(link: &mut Netlink, set: &str, mut each: impl FnMut(&[u8])) -> io::Result<()> {
    let mut datagram = Datagram::default();
    let sequence = datagram.request(of::GETSETELEM, of::DUMP, INET, |body| {
        body.text(of::LIST_TABLE, TABLE);
        body.text(of::LIST_SET, set);
    });
    link.ask(datagram, &[Request::List(sequence)], |_, answer| {
        listed(answer?).for_each(&mut each);
        Ok(())
    })
}

/// Gives the body of each object of a kind in our table. The kernel may give those of other tables too.
fn dump(link: &mut Netlink, (kind, table): (u16, u16), mut each: impl FnMut(&[u8])) -> io::Result<()> {
    let mut datagram = Datagram::default();
    let sequence = datagram.request(kind, of::DUMP, INET, |body| {
        if kind != of::GETTABLE {
            body.text(table, TABLE);
        }
    });
    link.ask(datagram, &[Request::List(sequence)], |_, answer| {
        let body = answer?;
        if text(body, table) == Some(TABLE) {
            each(body);
        }
        Ok(())
    })
}

/// Fingerprints of the parts of the frame. Handles and counts, which differ each time, are left out.
#[derive(Default)]
struct Frame {
    parts: BTreeMap<String, Sha256>,
}

impl Frame {
    fn note(&mut self, name: &str, body: &[u8], kinds: &[u16]) {
        let digest = digest_of(body, kinds);
        self.add(name, &digest);
    }

    fn add(&mut self, name: &str, digest: &[u8; 32]) {
        self.parts.entry(name.to_owned()).or_default().update(digest);
    }

    fn finish(self) -> BTreeMap<String, String> {
        let short = |digest: Sha256| hex::encode(digest.finalize()).chars().take(16).collect();
        self.parts.into_iter().map(|(name, digest)| (name, short(digest))).collect()
    }
}

fn digest_of(body: &[u8], kinds: &[u16]) -> [u8; 32] {
    let mut digest = Sha256::new();
    for kind in kinds {
        let value = find(body, *kind);
        digest.update([u8::from(value.is_some())]);
        digest.update(u64::try_from(value.unwrap_or_default().len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(value.unwrap_or_default());
    }
    digest.finalize().into()
}
