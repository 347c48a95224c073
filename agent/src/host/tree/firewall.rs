//! A packet filter that only notes what it is asked, and holds what it would hold.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::super::firewall::{Changed, Firewall, Look, Table, next_generation};
use super::super::linux::atomic;
use super::super::{HostError, Program, Result};
use super::commands::Commands;
use crate::egress::{Delta, Element, Elements, FAMILY, Refusals, Ruleset, TABLE, Verdict};

/// The packet filter of a tree.
pub struct TreeFirewall {
    dir: PathBuf,
    commands: Arc<Commands>,
    state: Mutex<State>,
}

#[derive(Default, Serialize, Deserialize)]
struct State {
    generation: u32,
    table: Option<Held>,
    #[serde(skip)]
    refusals: Refusals,
}

#[derive(Serialize, Deserialize)]
struct Held {
    frame: BTreeMap<String, String>,
    elements: Elements,
}

impl TreeFirewall {
    pub(super) fn open(dir: PathBuf, commands: Arc<Commands>) -> std::io::Result<Self> {
        let state = match std::fs::read(dir.join(STATE)) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_default(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => State::default(),
            Err(error) => return Err(error),
        };
        Ok(Self { dir, commands, state: Mutex::new(state) })
    }

    /// Somebody else changes the table, or another one.
    pub fn tamper(&self, change: impl FnOnce(&mut Option<Table>)) {
        let mut state = self.state();
        let mut table = state.table.take().map(|held| Table { frame: held.frame, elements: held.elements });
        change(&mut table);
        state.table = table.map(|table| Held { frame: table.frame, elements: table.elements });
        state.generation = next_generation(state.generation);
    }

    /// Pretends that these packets were refused.
    pub fn refuse(&self, refusals: Refusals) {
        self.state().refusals = refusals;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, state: &mut State) -> Result<()> {
        state.generation = next_generation(state.generation);
        let elements = state.table.as_ref().map(|held| held.elements.clone()).unwrap_or_default();
        let ruleset = Ruleset { elements }.render();
        serde_json::to_vec(&state)
            .map_err(std::io::Error::from)
            .and_then(|json| atomic::replace(&self.dir.join(STATE), &json, 0o600))
            .and_then(|()| atomic::replace(&self.dir.join(RULESET), ruleset.as_bytes(), 0o644))
            .map_err(|error| HostError::new("keep", format!("the table {FAMILY} {TABLE}"), error))
    }
}

/// What is kept from one run to the next.
const STATE: &str = "firewall.json";

/// The table as it would be.
const RULESET: &str = "firewall.nft";

impl Firewall for TreeFirewall {
    fn look(&self) -> Result<Look> {
        let state = self.state();
        let refused = state.table.as_ref().map(|_| state.refusals.totals.values().sum());
        Ok(Look { generation: state.generation, refused })
    }

    fn table(&self) -> Result<Option<Table>> {
        let state = self.state();
        let read = |held: &Held| Table { frame: held.frame.clone(), elements: held.elements.clone() };
        Ok(state.table.as_ref().map(read))
    }

    fn replace(&self, ruleset: &Ruleset) -> Result<()> {
        self.commands.note(&Program::NftLoad.argv().join(" "))?;
        let mut state = self.state();
        let frame = [("table".to_owned(), Ruleset::frame())].into();
        state.table = Some(Held { frame, elements: ruleset.elements.clone() });
        state.refusals = Refusals::default();
        self.keep(&mut state)
    }

    fn change(&self, generation: u32, delta: &Delta) -> Result<Changed> {
        let mut state = self.state();
        if state.generation != generation {
            return Ok(Changed::Overtaken);
        }
        let refuse = |element: &Element, why: &str| HostError::because("change", element.to_string(), why);
        let mut elements = match &state.table {
            Some(held) => held.elements.clone(),
            None => {
                return Err(HostError::because(
                    "change",
                    format!("the table {FAMILY} {TABLE}"),
                    "there is none",
                ));
            }
        };
        for element in &delta.remove {
            if !elements.iter().any(|held| held == *element) {
                return Err(refuse(element, "it is not there"));
            }
            elements.remove(element);
        }
        for element in &delta.add {
            let taken = |held: Element| match (held, *element) {
                (Element::Tenant(held, _), Element::Tenant(uid, _)) => held == uid,
                (held, element) => held == element,
            };
            if elements.iter().any(taken) {
                return Err(refuse(element, "it is there"));
            }
            elements.insert(*element);
        }
        for (verb, changed) in [("delete", &delta.remove), ("add", &delta.add)] {
            for element in changed {
                self.commands
                    .note(&format!("{verb} element {FAMILY} {TABLE} {} {{ {element} }}", element.part()))?;
            }
        }
        if let Some(held) = &mut state.table {
            held.elements = elements;
        }
        self.keep(&mut state)?;
        Ok(Changed::Done(state.generation))
    }

    fn verdicts(&self, uids: &[u32]) -> Result<BTreeMap<u32, Verdict>> {
        let state = self.state();
        let held = state.table.as_ref().map(|held| &held.elements.tenants);
        let of = |uid: &u32| {
            let verdict = held.and_then(|tenants| tenants.get(uid)).and_then(|tenant| tenant.verdict);
            verdict.map(|verdict| (*uid, verdict)).ok_or_else(|| {
                HostError::because("read", format!("the policy of account {uid}"), "there is none")
            })
        };
        uids.iter().map(of).collect()
    }

    fn refusals(&self) -> Result<Refusals> {
        Ok(self.state().refusals.clone())
    }
}
