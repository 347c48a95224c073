//! Notes that resources keep about an account.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Short notes by name, such as the fingerprint of what was applied last. They survive the agent, and are
/// stored only if a pass changed them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Marks(BTreeMap<String, String>);

impl Marks {
    /// A note.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Writes a note.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(name.to_owned(), value.into());
    }

    /// Removes a note.
    pub fn clear(&mut self, name: &str) {
        self.0.remove(name);
    }
}
