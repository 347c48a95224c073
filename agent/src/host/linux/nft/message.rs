//! Messages of netlink and `nf_tables` (`linux/netlink.h`, `linux/netfilter/nfnetlink.h`, `nf_tables.h`).

use std::iter;

/// Numbers of the protocol.
pub(super) mod of {
    pub(crate) const REQUEST: u16 = 0x1;
    pub(crate) const ACK: u16 = 0x4;
    pub(crate) const INTERRUPTED: u16 = 0x10;
    pub(crate) const DUMP: u16 = 0x300;
    pub(crate) const EXCLUSIVE: u16 = 0x200;
    pub(crate) const CREATE: u16 = 0x400;

    pub(crate) const ERROR: u16 = 2;
    pub(crate) const DONE: u16 = 3;
    pub(crate) const BATCH_BEGIN: u16 = 16;
    pub(crate) const BATCH_END: u16 = 17;
    pub(crate) const BATCH_GENERATION: u16 = 1;

    /// The subsystem `nf_tables`, in the upper half of a message's type.
    pub(crate) const TABLES: u16 = 10;
    pub(crate) const GETTABLE: u16 = TABLES << 8 | 0x1;
    pub(crate) const GETCHAIN: u16 = TABLES << 8 | 0x4;
    pub(crate) const GETRULE: u16 = TABLES << 8 | 0x7;
    pub(crate) const GETSET: u16 = TABLES << 8 | 0xA;
    pub(crate) const NEWSETELEM: u16 = TABLES << 8 | 0xC;
    pub(crate) const GETSETELEM: u16 = TABLES << 8 | 0xD;
    pub(crate) const DELSETELEM: u16 = TABLES << 8 | 0xE;
    pub(crate) const GETGEN: u16 = TABLES << 8 | 0x10;
    pub(crate) const GETOBJ: u16 = TABLES << 8 | 0x13;

    pub(crate) const GEN_ID: u16 = 1;
    pub(crate) const TABLE_NAME: u16 = 1;
    pub(crate) const TABLE_FLAGS: u16 = 2;
    pub(crate) const CHAIN_TABLE: u16 = 1;
    pub(crate) const CHAIN_NAME: u16 = 3;
    pub(crate) const CHAIN_HOOK: u16 = 4;
    pub(crate) const CHAIN_POLICY: u16 = 5;
    pub(crate) const CHAIN_TYPE: u16 = 7;
    pub(crate) const CHAIN_FLAGS: u16 = 10;
    pub(crate) const RULE_TABLE: u16 = 1;
    pub(crate) const RULE_CHAIN: u16 = 2;
    pub(crate) const RULE_EXPRESSIONS: u16 = 4;
    pub(crate) const SET_TABLE: u16 = 1;
    pub(crate) const SET_NAME: u16 = 2;
    pub(crate) const SET_FLAGS: u16 = 3;
    pub(crate) const SET_KEY_TYPE: u16 = 4;
    pub(crate) const SET_KEY_LEN: u16 = 5;
    pub(crate) const SET_DATA_TYPE: u16 = 6;
    pub(crate) const SET_DATA_LEN: u16 = 7;
    pub(crate) const SET_TIMEOUT: u16 = 11;
    pub(crate) const OBJ_TABLE: u16 = 1;
    pub(crate) const OBJ_NAME: u16 = 2;
    pub(crate) const OBJ_TYPE: u16 = 3;
    pub(crate) const OBJ_DATA: u16 = 4;
    /// The kind of object that counts.
    pub(crate) const COUNTER: u32 = 1;
    pub(crate) const COUNTER_PACKETS: u16 = 2;

    pub(crate) const LIST_TABLE: u16 = 1;
    pub(crate) const LIST_SET: u16 = 2;
    pub(crate) const LIST_ELEMENTS: u16 = 3;
    pub(crate) const LIST_ELEM: u16 = 1;
    pub(crate) const ELEM_KEY: u16 = 1;
    pub(crate) const ELEM_DATA: u16 = 2;
    pub(crate) const ELEM_FLAGS: u16 = 3;
    pub(crate) const ELEM_EXPRESSION: u16 = 7;
    pub(crate) const ELEM_KEY_END: u16 = 10;
    pub(crate) const ELEM_EXPRESSIONS: u16 = 11;
    pub(crate) const DATA_VALUE: u16 = 1;
    pub(crate) const DATA_VERDICT: u16 = 2;
    pub(crate) const VERDICT_CODE: u16 = 1;
    pub(crate) const VERDICT_CHAIN: u16 = 2;
    /// The verdict `goto`: -4.
    pub(crate) const GOTO: u32 = 0xFFFF_FFFC;
    pub(crate) const EXPRESSION_NAME: u16 = 1;
    pub(crate) const EXPRESSION_DATA: u16 = 2;
}

/// The family `inet`.
pub(super) const INET: u8 = 1;

/// Length of netlink's header.
const HEADER: usize = 16;

/// Length of nfnetlink's header behind it.
const FAMILY_HEADER: usize = 4;

/// Said of an attribute that holds attributes.
const NESTED: u16 = 0x8000;

/// What is sent at once: one message or several.
#[derive(Default)]
pub(super) struct Datagram {
    body: Body,
    sequence: u32,
}

/// Attributes that are being written.
#[derive(Default)]
pub(super) struct Body {
    bytes: Vec<u8>,
}

impl Datagram {
    /// Adds a message; its number says which answer is meant for it.
    pub(super) fn request(&mut self, kind: u16, flags: u16, family: u8, fill: impl FnOnce(&mut Body)) -> u32 {
        self.message(kind, flags, (family, 0), fill)
    }

    /// Begins a transaction that only counts if the packet filter is at this generation.
    pub(super) fn batch_begin(&mut self, generation: u32) -> u32 {
        self.message(of::BATCH_BEGIN, 0, (0, of::TABLES), |body| {
            body.number(of::BATCH_GENERATION, generation);
        })
    }

    /// Ends the transaction.
    pub(super) fn batch_end(&mut self) {
        self.message(of::BATCH_END, 0, (0, of::TABLES), |_| {});
    }

    fn message(
        &mut self,
        kind: u16,
        flags: u16,
        (family, subsystem): (u8, u16),
        fill: impl FnOnce(&mut Body),
    ) -> u32 {
        self.sequence += 1;
        let body = &mut self.body;
        let start = body.bytes.len();
        body.bytes.extend([0; 4]);
        body.bytes.extend(kind.to_ne_bytes());
        body.bytes.extend((flags | of::REQUEST).to_ne_bytes());
        body.bytes.extend(self.sequence.to_ne_bytes());
        body.bytes.extend([0; 4]);
        body.bytes.extend([family, 0]);
        body.bytes.extend(subsystem.to_be_bytes());
        fill(body);
        let length = u32::try_from(body.bytes.len() - start).unwrap_or(u32::MAX);
        body.patch(start, &length.to_ne_bytes());
        self.sequence
    }

    /// The bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.body.bytes
    }
}

impl Body {
    /// An attribute of bytes.
    pub(super) fn attribute(&mut self, kind: u16, value: &[u8]) {
        self.raw(kind, |body| body.bytes.extend(value));
    }

    /// A text, which ends in a zero.
    pub(super) fn text(&mut self, kind: u16, text: &str) {
        self.raw(kind, |body| {
            body.bytes.extend(text.as_bytes());
            body.bytes.push(0);
        });
    }

    /// A number of four bytes in network order.
    pub(super) fn number(&mut self, kind: u16, number: u32) {
        self.attribute(kind, &number.to_be_bytes());
    }

    /// An attribute of attributes.
    pub(super) fn nested(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) {
        self.raw(kind | NESTED, fill);
    }

    fn raw(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) {
        let start = self.bytes.len();
        self.bytes.extend([0; 2]);
        self.bytes.extend(kind.to_ne_bytes());
        fill(self);
        let length = u16::try_from(self.bytes.len() - start).unwrap_or(u16::MAX);
        self.patch(start, &length.to_ne_bytes());
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }

    fn patch(&mut self, at: usize, bytes: &[u8]) {
        if let Some(place) = self.bytes.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    }

    /// What has been written.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// A message that was received.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message<'a> {
    pub(super) kind: u16,
    pub(super) flags: u16,
    pub(super) sequence: u32,
    /// All behind netlink's header.
    payload: &'a [u8],
}

impl<'a> Message<'a> {
    /// The attributes of an answer of `nf_tables`.
    pub(super) fn body(&self) -> &'a [u8] {
        self.payload.get(FAMILY_HEADER..).unwrap_or_default()
    }

    /// What an acknowledgement or the end of a list says: 0, or an error as a negative number.
    pub(super) fn status(&self) -> i32 {
        self.payload.first_chunk().map_or(0, |bytes| i32::from_ne_bytes(*bytes))
    }
}

/// The messages of a datagram. What is cut off is left out.
pub(super) fn messages(bytes: &[u8]) -> impl Iterator<Item = Message<'_>> {
    let mut rest = bytes;
    iter::from_fn(move || {
        let length = usize::try_from(u32::from_ne_bytes(*rest.first_chunk()?)).ok()?;
        let header = rest.get(..HEADER)?;
        let payload = rest.get(HEADER..length)?;
        let message = Message {
            kind: u16::from_ne_bytes(header.get(4..6)?.try_into().ok()?),
            flags: u16::from_ne_bytes(header.get(6..8)?.try_into().ok()?),
            sequence: u32::from_ne_bytes(header.get(8..12)?.try_into().ok()?),
            payload,
        };
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(message)
    })
}

/// Attributes with their kinds.
pub(super) fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = bytes;
    iter::from_fn(move || {
        let length = usize::from(u16::from_ne_bytes(*rest.first_chunk()?));
        let kind = u16::from_ne_bytes(rest.get(2..4)?.try_into().ok()?);
        let value = rest.get(4..length)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        // The upper bits say how the value is written.
        Some((kind & 0x3FFF, value))
    })
}

/// The first attribute of a kind.
pub(super) fn find(bytes: &[u8], kind: u16) -> Option<&[u8]> {
    attributes(bytes).find_map(|(found, value)| (found == kind).then_some(value))
}

/// The bytes of a key or a datum.
pub(super) fn value(bytes: &[u8], kind: u16) -> Option<&[u8]> {
    find(find(bytes, kind)?, of::DATA_VALUE)
}

/// A text without the zero at its end.
pub(super) fn text(bytes: &[u8], kind: u16) -> Option<&str> {
    str::from_utf8(find(bytes, kind)?).ok().map(|text| text.trim_end_matches('\0'))
}

/// A number in network order.
pub(super) fn number32(bytes: &[u8]) -> Option<u32> {
    bytes.try_into().ok().map(u32::from_be_bytes)
}

/// A number in network order.
pub(super) fn number64(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_be_bytes)
}
