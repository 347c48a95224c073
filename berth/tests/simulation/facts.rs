//! What is so, as far as the outside can tell: one value for each name. The same form serves for what the
//! database holds and for what the answered requests make one expect.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Names and values, such as `account/alice/domain/alice.com` → `{"docroot": "public_html"}`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Facts(BTreeMap<String, Value>);

impl Facts {
    pub(crate) fn get(&self, name: &str) -> &Value {
        self.0.get(name).unwrap_or(&Value::Null)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(crate) fn set(&mut self, name: impl Into<String>, value: Value) {
        self.0.insert(name.into(), value);
    }

    /// Changes one field of a value.
    pub(crate) fn change(&mut self, name: &str, field: &str, value: Value) {
        if let Some(Value::Object(object)) = self.0.get_mut(name) {
            object.insert(field.to_owned(), value);
        }
    }

    pub(crate) fn remove(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }

    /// The last parts of the names directly below a prefix that ends in `/`.
    pub(crate) fn below(&self, prefix: &str) -> Vec<String> {
        let names = self.0.range(prefix.to_owned()..).map(|(name, _)| name);
        names
            .take_while(|name| name.starts_with(prefix))
            .filter_map(|name| name.strip_prefix(prefix))
            .filter(|rest| !rest.contains('/'))
            .map(str::to_owned)
            .collect()
    }

    /// The whole rests of the names below a prefix.
    pub(crate) fn all_below(&self, prefix: &str) -> Vec<String> {
        let names = self.0.keys().filter_map(|name| name.strip_prefix(prefix));
        names.map(str::to_owned).collect()
    }

    /// The account that has a domain.
    pub(crate) fn owner_of(&self, fqdn: &str) -> Option<String> {
        let of = |account: &String| self.has(&format!("account/{account}/domain/{fqdn}"));
        self.accounts().into_iter().find(of)
    }

    /// Takes away what only the simulation remembers, so that it can be compared with a database.
    pub(crate) fn without_memory(&self) -> Self {
        let memories = ["newest uid", "quarantined/", "created/"];
        let known = |name: &String| !memories.iter().any(|memory| name.starts_with(memory));
        Self(self.0.iter().filter(|(name, _)| known(name)).map(|(n, v)| (n.clone(), v.clone())).collect())
    }

    /// The usernames of all accounts.
    pub(crate) fn accounts(&self) -> Vec<String> {
        self.below("account/")
    }

    /// The first name of which two collections differ, with both values.
    pub(crate) fn difference(&self, other: &Self) -> Option<String> {
        let names = self.0.keys().chain(other.0.keys());
        let name = names.into_iter().find(|name| self.0.get(*name) != other.0.get(*name))?;
        let shown = |facts: &Self| facts.0.get(name).map_or_else(|| "nothing".to_owned(), Value::to_string);
        Some(format!("{name}: {} instead of {}", shown(other), shown(self)))
    }
}

/// Reads a list of texts that is a field.
pub(crate) fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned)).collect()
}

/// A timer as a fact.
pub(crate) fn timer(schedule: &str, command: &str, enabled: bool, wanted: bool) -> Value {
    json!({ "schedule": schedule, "command": command, "enabled": enabled, "wanted": wanted })
}

/// A site as a fact.
pub(crate) fn domain(docroot: &str, primary: bool) -> Value {
    json!({ "docroot": docroot, "primary": primary, "https_redirect": "auto" })
}
