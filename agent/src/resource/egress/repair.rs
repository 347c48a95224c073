//! The whole table: compared after somebody has changed the packet filter, and replaced only if it differs.

use std::collections::BTreeMap;

use berth_core::Code;
use serde::{Deserialize, Serialize};

use super::State;
use crate::egress::{Element, Elements, FAMILY, Ruleset, TABLE};
use crate::host::firewall::Look;
use crate::resource::{Accounts, Context, Failure};

/// The note that says how the kernel shows the table that was loaded last.
const MARK: &str = "egress";

/// Elements that are named one by one when somebody has changed them.
const NAMED: usize = 32;

/// The table that was loaded last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Loaded {
    /// The fingerprint of its text.
    text: String,
    /// The fingerprints of its parts as the kernel shows them.
    parts: BTreeMap<String, String>,
}

impl State {
    /// Reads the table, and replaces it if its frame is not the one that was loaded. Afterwards `elements` and
    /// `generation` are those of the kernel. Says whether they are: somebody may have changed something
    /// meanwhile.
    pub(super) fn repair(
        &mut self,
        context: &Context<'_>,
        look: Look,
        wanted: &Elements,
        accounts: &Accounts<'_>,
    ) -> Result<bool, Failure> {
        let firewall = context.host.firewall();
        let loaded = context.node_mark(MARK).and_then(|text| serde_json::from_str::<Loaded>(&text).ok());
        let found = firewall.table()?;
        let text = Ruleset::frame();
        let known = loaded.filter(|loaded| loaded.text == text);
        if let (Some(known), Some(found)) = (&known, &found)
            && known.parts == found.frame
        {
            if self.generation.is_some() {
                note_elements(context, accounts, &self.elements, &found.elements);
            }
            self.elements = found.elements.clone();
            self.generation = Some(look.generation);
            return Ok(firewall.look()?.generation == look.generation);
        }
        firewall.replace(&Ruleset { elements: wanted.clone() })?;
        let after = firewall.look()?;
        let Some(made) = firewall.table()? else { return Ok(false) };
        if firewall.look()?.generation != after.generation {
            return Ok(false);
        }
        if made.elements != *wanted {
            return Err(Failure::new(
                Code::HostFailed,
                "the packet filter does not hold what was loaded into it",
            ));
        }
        if let Some(known) = known {
            note_frame(context, &known.parts, found.map(|found| found.frame).as_ref());
        }
        let loaded = Loaded { text, parts: made.frame };
        context.set_node_mark(MARK, serde_json::to_string(&loaded).unwrap_or_default());
        self.elements = made.elements;
        self.generation = Some(after.generation);
        Ok(true)
    }
}

/// Notes which parts of the frame somebody has changed.
fn note_frame(
    context: &Context<'_>,
    known: &BTreeMap<String, String>,
    found: Option<&BTreeMap<String, String>>,
) {
    let there = |what: &str| Some(what.to_owned());
    let table = format!("table {FAMILY} {TABLE}");
    let Some(found) = found else {
        return context.changed(None, table, None, there("loaded"));
    };
    for part in known.keys().chain(found.keys().filter(|part| !known.contains_key(*part))) {
        let object = if part == "table" { table.clone() } else { format!("{part} of the {table}") };
        match (known.get(part), found.get(part)) {
            (Some(known), Some(found)) if known == found => {}
            (Some(_), Some(_)) => context.changed(None, object, there("altered"), there("as it was loaded")),
            (Some(_), None) => context.changed(None, object, None, there("as it was loaded")),
            (None, _) => context.changed(None, object, there("not Berth's"), None),
        }
    }
}

/// Notes which elements somebody has changed since they were as `known` says.
fn note_elements(context: &Context<'_>, accounts: &Accounts<'_>, known: &Elements, found: &Elements) {
    let delta = found.delta(known);
    let note = |element: &Element, found: bool| {
        let owner =
            |uid: u32| accounts.ready.values().find(|spec| spec.uid.get() == uid).map(|spec| spec.account);
        let object = format!("element of {} of the table {FAMILY} {TABLE}", element.part());
        let (value, nothing) = (Some(element.to_string()), None);
        let (found, made) = if found { (value, nothing) } else { (nothing, value) };
        context.changed(element.uid().and_then(owner), object, found, made);
    };
    delta.add.iter().take(NAMED).for_each(|element| note(element, false));
    delta.remove.iter().take(NAMED).for_each(|element| note(element, true));
}
