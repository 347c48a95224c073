//! The envelope: version, operators, operations.

use super::fault::{Fault, VERSION};
use super::operator::{self, Operation};
use super::schema::{Order, unexpected};
use super::xml::{self, Element, shown};

/// A packet whose form is right.
#[derive(Debug)]
pub(super) struct Packet {
    /// The version that the client has named.
    pub(super) version: Option<String>,
    /// Its operators in their order.
    pub(super) operators: Vec<Operator>,
}

/// One element of a packet with its operations.
#[derive(Debug)]
pub(super) struct Operator {
    /// Its name.
    pub(super) name: &'static str,
    /// Its operations in their order, each with its name.
    pub(super) operations: Vec<(&'static str, Operation)>,
}

/// Reads a packet.
pub(super) fn parse(bytes: &[u8], charset: Option<&str>, order: Order) -> Result<Packet, Fault> {
    let root = xml::parse(bytes, charset)?;
    if root.name != "packet" {
        return Err(unexpected(&root, &["packet"]));
    }
    let version = version(&root)?;
    let mut operators = Vec::new();
    for (place, element) in root.children.iter().enumerate() {
        if place == 0 && element.name == "request-settings" {
            continue;
        }
        operators.push(operator(element, order)?);
    }
    Ok(Packet { version, operators })
}

fn operator(element: &Element, order: Order) -> Result<Operator, Fault> {
    let Some(known) = operator::find(&element.name) else {
        return Err(unexpected(element, &operator::names()));
    };
    let mut operations = Vec::with_capacity(element.children.len());
    for operation in &element.children {
        operations.push(known.operation(operation, order)?);
    }
    if operations.is_empty() {
        let what = format!("Element '{}': Missing child element(s).", shown(&element.name));
        return Err(Fault::form(element.line, what));
    }
    Ok(Operator { name: known.name, operations })
}

/// Versions that are accepted: 1.4.2.0 to 1.6.9.1, also shortened, for all of which the same is served.
fn version(root: &Element) -> Result<Option<String>, Fault> {
    let Some(text) = root.attribute("version") else { return Ok(None) };
    let refused = || Fault::new(VERSION, format!("The protocol version {} is not supported", shown(text)));
    let numbers: Option<Vec<u32>> = text.split('.').map(|part| part.parse().ok()).collect();
    let numbers = numbers.filter(|numbers| (1..=4).contains(&numbers.len())).ok_or_else(refused)?;
    let newest = [1, 6, 9, 1];
    let is_old_enough =
        numbers.iter().zip(&newest).find_map(|(a, b)| (a != b).then_some(a < b)).unwrap_or(true);
    let is_new_enough = match numbers.as_slice() {
        [1] => true,
        [1, minor, rest @ ..] => *minor >= 5 || (*minor == 4 && rest.first().is_none_or(|third| *third >= 2)),
        _ => false,
    };
    if is_old_enough && is_new_enough { Ok(Some(text.to_owned())) } else { Err(refused()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        let check = |text: &str| {
            let root = xml::parse(format!("<packet version='{text}'/>").as_bytes(), None).unwrap();
            version(&root).map_err(|fault| fault.code)
        };
        for ok in ["1", "1.6", "1.6.5", "1.6.3.0", "1.6.9.1", "1.4.2.0", "1.5.2.1"] {
            assert_eq!(check(ok), Ok(Some(ok.to_owned())));
        }
        for bad in ["100.0.0", "1.7", "1.6.9.2", "1.3", "1.4.1.0", "", "x", "1.6.9.1.0", "0"] {
            assert_eq!(check(bad), Err(VERSION), "{bad}");
        }
    }
}
