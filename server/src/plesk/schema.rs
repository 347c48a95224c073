//! Taking elements apart in the order that the protocol demands.

use std::collections::VecDeque;
use std::fmt::Write as _;

use super::fault::Fault;
use super::xml::{Element, shown};

/// Whether the order of elements counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// As the protocol demands.
    Strict,
    /// Any, for clients that never cared.
    Any,
}

/// The children of an element, taken one after the other.
pub(super) struct Sequence<'a> {
    parent: &'a Element,
    order: Order,
    rest: VecDeque<&'a Element>,
    expected: Vec<&'static str>,
}

impl<'a> Sequence<'a> {
    pub(super) fn new(parent: &'a Element, order: Order) -> Result<Self, Fault> {
        if !parent.text.trim().is_empty() && !parent.children.is_empty() {
            let what = format!("Element '{}': Character content is not allowed.", shown(&parent.name));
            return Err(Fault::form(parent.line, what));
        }
        Ok(Self { parent, order, rest: parent.children.iter().collect(), expected: Vec::new() })
    }

    /// The next child, if it is of that name.
    pub(super) fn optional(&mut self, name: &'static str) -> Option<&'a Element> {
        let place = match self.order {
            Order::Strict => (self.rest.front()?.name == name).then_some(0),
            Order::Any => self.rest.iter().position(|child| child.name == name),
        };
        let Some(place) = place else {
            self.expected.push(name);
            return None;
        };
        self.expected.clear();
        self.rest.remove(place)
    }

    /// The next child, which has to be of that name.
    pub(super) fn required(&mut self, name: &'static str) -> Result<&'a Element, Fault> {
        if let Some(found) = self.optional(name) {
            return Ok(found);
        }
        if self.rest.is_empty() {
            self.expected.push(name);
            self.expected.dedup();
            return Err(self.missing());
        }
        Err(self.unexpected())
    }

    /// The next children of that name.
    pub(super) fn repeated(&mut self, name: &'static str) -> Vec<&'a Element> {
        let mut found = Vec::new();
        while let Some(next) = self.optional(name) {
            found.push(next);
        }
        found
    }

    /// The next child, whatever it is.
    pub(super) fn any(&mut self) -> Option<&'a Element> {
        self.rest.pop_front()
    }

    /// The text of an optional child.
    pub(super) fn text(&mut self, name: &'static str) -> Result<Option<String>, Fault> {
        self.optional(name).map(text).transpose()
    }

    /// The text of a required child.
    pub(super) fn required_text(&mut self, name: &'static str) -> Result<String, Fault> {
        self.required(name).and_then(text)
    }

    /// The whole number in an optional child.
    pub(super) fn number(&mut self, name: &'static str) -> Result<Option<i64>, Fault> {
        self.optional(name).map(number).transpose()
    }

    /// Ends: nothing may be left.
    pub(super) fn finish(self) -> Result<(), Fault> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.unexpected()) }
    }

    fn missing(&self) -> Fault {
        let what = format!(
            "Element '{}': Missing child element(s). {}",
            shown(&self.parent.name),
            expectation(&self.expected)
        );
        Fault::form(self.parent.line, what)
    }

    /// The next child is not one of those that could be here.
    pub(super) fn unexpected(&self) -> Fault {
        let Some(next) = self.rest.front() else { return self.missing() };
        unexpected(next, &self.expected)
    }
}

/// An element that is not one of those that could be where it is.
pub(super) fn unexpected(element: &Element, expected: &[&'static str]) -> Fault {
    let mut what = format!("Element '{}': This element is not expected.", shown(&element.name));
    let expectation = expectation(expected);
    if !expectation.is_empty() {
        let _ = write!(what, " {expectation}");
    }
    Fault::form(element.line, what)
}

fn expectation(names: &[&'static str]) -> String {
    match names {
        [] => String::new(),
        [one] => format!("Expected is ( {one} )."),
        several => format!("Expected is one of ( {} ).", several.join(", ")),
    }
}

/// The text of an element without children.
pub(super) fn text(element: &Element) -> Result<String, Fault> {
    match element.children.first() {
        None => Ok(element.text.trim().to_owned()),
        Some(child) => Err(unexpected(child, &[])),
    }
}

/// The whole number in an element.
pub(super) fn number(element: &Element) -> Result<i64, Fault> {
    let text = text(element)?;
    text.parse().map_err(|_| not_of_type(element, &text, "int"))
}

/// The switch in an element.
pub(super) fn switch(element: &Element) -> Result<bool, Fault> {
    let text = text(element)?;
    match text.as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(not_of_type(element, &text, "boolean")),
    }
}

/// A value that is not of its type.
pub(super) fn not_of_type(element: &Element, text: &str, kind: &str) -> Fault {
    let what = format!(
        "Element '{}': '{}' is not a valid value of the atomic type '{kind}'.",
        shown(&element.name),
        shown(text)
    );
    Fault::form(element.line, what)
}
