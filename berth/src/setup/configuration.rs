//! The configuration file: its first content, the address of the panel and the name of the node in it.

use std::path::Path;

use toml_edit::{DocumentMut, Item, Table, value};

use crate::failure::Failure;
use crate::files;

/// What the package installs.
const SHIPPED: &str = include_str!("../../../packaging/berth.toml");

/// Sets a key in the text of a configuration, leaving everything else as it is, comments included.
fn with(text: &str, table: &str, key: &str, new: &str) -> Result<String, toml_edit::TomlError> {
    let mut document: DocumentMut = text.parse()?;
    let section = document.entry(table).or_insert_with(|| Item::Table(Table::new()));
    if let Some(section) = section.as_table_like_mut() {
        section.insert(key, value(new));
    }
    Ok(document.to_string())
}

/// The value of a key in the text of a configuration.
fn text_of(text: &str, table: &str, key: &str) -> Result<Option<String>, toml_edit::TomlError> {
    let document: DocumentMut = text.parse()?;
    Ok(document.get(table).and_then(|table| table.get(key)).and_then(Item::as_str).map(str::to_owned))
}

/// Writes the configuration if it is not there, and the panel's address into it: `wanted` if the operator said
/// one, else `proposed` unless there is one. Also the name of the node, unless there is one: the database knows
/// the node by it, so it must not follow the host's name when that changes or the backup goes to another host.
/// Says whether anything changed.
pub(super) fn ensure(
    path: &Path,
    group: Option<u32>,
    wanted: Option<&str>,
    proposed: &str,
    node: &str,
) -> Result<bool, Failure> {
    let broken = |error: toml_edit::TomlError| {
        Failure::usage(format!("the configuration {} is not valid: {error}", path.display()), "mend the file")
    };
    let (old, text) = match std::fs::read_to_string(path) {
        Ok(text) => (Some(text.clone()), text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => (None, SHIPPED.to_owned()),
        Err(error) => return Err(Failure::local(format!("cannot read {}", path.display()), error)),
    };
    let present = text_of(&text, "panel", "url").map_err(broken)?;
    let mut text = match (wanted, present) {
        (Some(url), present) if present.as_deref() != Some(url) => {
            with(&text, "panel", "url", url).map_err(broken)?
        }
        (None, None) => with(&text, "panel", "url", proposed).map_err(broken)?,
        _ => text,
    };
    if text_of(&text, "node", "name").map_err(broken)?.is_none() {
        text = with(&text, "node", "name", node).map_err(broken)?;
    }
    if old.as_ref() == Some(&text) {
        return Ok(false);
    }
    // It may hold the password of a database, so only the service's group may read it beside root.
    let owner = group.map(|gid| files::Owner { uid: 0, gid });
    files::replace_as(path, text.as_bytes(), 0o640, owner)
        .map_err(|error| Failure::local(format!("cannot write {}", path.display()), error))?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_package_ships_is_a_valid_configuration() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("berth.toml");
        assert!(ensure(&path, None, None, "https://a.example:8443", "web1").unwrap());
        let config = berth_server::config::Config::load(&path).unwrap();
        assert_eq!(config.panel.url.as_deref(), Some("https://a.example:8443"));
        assert_eq!(config.node.name.as_deref(), Some("web1"));
        assert!(!ensure(&path, None, None, "https://other.example:8443", "web2").unwrap(), "it is kept");
        assert!(ensure(&path, None, Some("https://b.example:8443"), "", "web2").unwrap());
        assert!(!ensure(&path, None, Some("https://b.example:8443"), "", "web2").unwrap());
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("https://b.example:8443") && text.starts_with('#'), "{text}");
    }

    #[test]
    fn what_the_operator_wrote_stays() {
        let text = "# mine\n[node]\nname = \"web1\" # why\n[panel]\n# here\n";
        let changed = with(text, "panel", "url", "https://a.example").unwrap();
        assert_eq!(
            changed,
            "# mine\n[node]\nname = \"web1\" # why\n[panel]\nurl = \"https://a.example\"\n# here\n"
        );
        assert!(with("[panel", "panel", "url", "x").is_err());
    }
}
