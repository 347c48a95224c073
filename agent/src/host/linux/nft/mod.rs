//! The kernel's packet filter, by netlink.
//!
//! Reading and changing elements starts no program. Only a whole table is given to `nft`, which knows how to
//! compile it.

mod elements;
mod message;
mod socket;
mod table;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use rustix::io::Errno;

use super::program;
use crate::egress::{Delta, Element, Refusals, Ruleset, TABLE, Verdict, part};
use crate::host::firewall::{Changed, Firewall, Look, Table, next_generation};
use crate::host::{HostError, Program, Result};
use message::{Datagram, INET, find, number32, number64, of, value};
use socket::{Netlink, Request};

/// The kernel's packet filter in the network namespace of this process.
#[derive(Default)]
pub(super) struct NetlinkFirewall {
    /// Opened when it is first needed; closed after an error, so that no late answer confuses anybody.
    link: Mutex<Option<Netlink>>,
}

/// Elements of one message: its list has to fit into 65,535 bytes.
const MESSAGE_ELEMENTS: usize = 256;

/// Elements of one batch: all of it is one datagram.
const BATCH_ELEMENTS: usize = 8 * 1024;

/// Elements that are asked for by one message: the answers have to fit into the socket's buffer.
const ASKED_ELEMENTS: usize = 64;

impl NetlinkFirewall {
    fn with<T>(
        &self,
        operation: &'static str,
        run: impl FnOnce(&mut Netlink) -> std::io::Result<T>,
    ) -> Result<T> {
        let mut link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        let opened = match link.take() {
            Some(opened) => Ok(opened),
            None => Netlink::open(),
        };
        let result = opened.and_then(|mut opened| run(&mut opened).map(|done| (opened, done)));
        match result {
            Ok((opened, done)) => {
                *link = Some(opened);
                Ok(done)
            }
            Err(error) => Err(HostError::new(operation, format!("the table inet {TABLE}"), error)),
        }
    }
}

impl Firewall for NetlinkFirewall {
    fn look(&self) -> Result<Look> {
        self.with("look at", |link| {
            let mut datagram = Datagram::default();
            let generation = datagram.request(of::GETGEN, 0, 0, |_| {});
            let counter = datagram.request(of::GETOBJ, 0, INET, |body| {
                body.text(of::OBJ_TABLE, TABLE);
                body.text(of::OBJ_NAME, part::REFUSED);
                body.number(of::OBJ_TYPE, of::COUNTER);
            });
            let mut look = Look { generation: 0, refused: None };
            let absent = |error: &std::io::Error| error.raw_os_error() == Some(Errno::NOENT.raw_os_error());
            link.ask(datagram, &[Request::One(generation), Request::One(counter)], |sequence, answer| {
                match answer {
                    Ok(body) if sequence == generation => {
                        look.generation = find(body, of::GEN_ID).and_then(number32).unwrap_or_default();
                    }
                    Ok(body) => {
                        let packets = find(body, of::OBJ_DATA)
                            .and_then(|data| find(data, of::COUNTER_PACKETS))
                            .and_then(number64);
                        look.refused = Some(packets.unwrap_or_default());
                    }
                    Err(error) if sequence == counter && absent(&error) => {}
                    Err(error) => return Err(error),
                }
                Ok(())
            })?;
            Ok(look)
        })
    }

    fn table(&self) -> Result<Option<Table>> {
        self.with("read", table::read)
    }

    fn replace(&self, ruleset: &Ruleset) -> Result<()> {
        let answer = program::feed(Program::NftLoad, ruleset.render().as_bytes())?;
        if answer.success {
            return Ok(());
        }
        Err(HostError::because("replace", format!("the table inet {TABLE}"), format!("nft: {}", answer.said)))
    }

    fn change(&self, generation: u32, delta: &Delta) -> Result<Changed> {
        let changes: Vec<(u16, &Element)> = delta
            .remove
            .iter()
            .map(|element| (of::DELSETELEM, element))
            .chain(delta.add.iter().map(|element| (of::NEWSETELEM, element)))
            .collect();
        let mut generation = generation;
        for batch in changes.chunks(BATCH_ELEMENTS) {
            match self.with("change", |link| send(link, generation, batch))? {
                Changed::Done(reached) => generation = reached,
                Changed::Overtaken => return Ok(Changed::Overtaken),
            }
        }
        Ok(Changed::Done(generation))
    }

    fn verdicts(&self, uids: &[u32]) -> Result<BTreeMap<u32, Verdict>> {
        let mut found = BTreeMap::new();
        for some in uids.chunks(ASKED_ELEMENTS) {
            self.with("read", |link| {
                let mut datagram = Datagram::default();
                let sequence = datagram.request(of::GETSETELEM, of::ACK, INET, |body| {
                    body.text(of::LIST_TABLE, TABLE);
                    body.text(of::LIST_SET, part::TENANTS);
                    body.nested(of::LIST_ELEMENTS, |list| {
                        for uid in some {
                            list.nested(of::LIST_ELEM, |element| {
                                element.nested(of::ELEM_KEY, |key| {
                                    key.attribute(of::DATA_VALUE, &uid.to_ne_bytes());
                                });
                            });
                        }
                    });
                });
                link.ask(datagram, &[Request::UntilAcknowledged(sequence)], |_, answer| {
                    for element in elements::listed(answer?) {
                        if let Some(Element::Tenant(uid, verdict)) = elements::decode(part::TENANTS, element)
                        {
                            found.insert(uid, verdict);
                        }
                    }
                    Ok(())
                })
            })?;
        }
        Ok(found)
    }

    fn refusals(&self) -> Result<Refusals> {
        self.with("read", |link| {
            let mut refusals = Refusals::default();
            for set in [part::BLOCKED4, part::BLOCKED6] {
                table::dump_elements(link, set, |element| {
                    refusals.destinations.extend(elements::refusal(set, element));
                })?;
            }
            table::dump_elements(link, part::REFUSALS, |element| {
                let uid =
                    value(element, of::ELEM_KEY).and_then(|key| key.try_into().ok()).map(u32::from_ne_bytes);
                if let (Some(uid), Some(packets)) = (uid, elements::packets(element)) {
                    refusals.totals.insert(uid, packets);
                }
            })?;
            Ok(refusals)
        })
    }
}

/// Sends changes of elements as one transaction of the kernel.
fn send(link: &mut Netlink, generation: u32, changes: &[(u16, &Element)]) -> std::io::Result<Changed> {
    let mut datagram = Datagram::default();
    let mut requests = vec![Request::Silent(datagram.batch_begin(generation))];
    // Of one kind and one set, as many as fit.
    let groups = changes.chunk_by(|a, b| a.0 == b.0 && a.1.part() == b.1.part());
    for group in groups.flat_map(|group| group.chunks(MESSAGE_ELEMENTS)) {
        let Some((kind, first)) = group.first() else { continue };
        let flags = if *kind == of::NEWSETELEM { of::CREATE | of::EXCLUSIVE } else { 0 };
        requests.push(Request::Acknowledged(datagram.request(*kind, flags | of::ACK, INET, |body| {
            body.text(of::LIST_TABLE, TABLE);
            body.text(of::LIST_SET, first.part());
            body.nested(of::LIST_ELEMENTS, |list| {
                for (_, element) in group {
                    list.nested(of::LIST_ELEM, |body| {
                        elements::encode(body, element, *kind == of::NEWSETELEM);
                    });
                }
            });
        })));
    }
    datagram.batch_end();
    let mut overtaken = false;
    let answered = link.ask(datagram, &requests, |_, answer| {
        // No other call ever answers so: the generation is another one.
        let restart = |error: &std::io::Error| error.raw_os_error() == Some(libc::ERESTART);
        overtaken = answer.as_ref().is_err_and(restart);
        answer.map(drop)
    });
    // Between the check of the generation and the end of the transaction the kernel lets nobody else in.
    if overtaken {
        Ok(Changed::Overtaken)
    } else {
        answered.map(|()| Changed::Done(next_generation(generation)))
    }
}
