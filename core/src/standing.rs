//! What of an account is open on its node.

use serde::{Deserialize, Serialize};

/// How an account stands. The planner derives it from suspensions and deletion; resources only read it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case", deny_unknown_fields)]
pub enum Standing {
    /// Everything works.
    #[default]
    Open,
    /// Every surface is closed; files and data stay as they are.
    Suspended,
    /// Every surface is closed, files and data are sealed, and all of it can come back as it was.
    Trashed,
    /// Nothing of the account may be left on the node.
    Purged,
}

impl Standing {
    /// Whether surfaces of the account may be reached.
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Open)
    }
}
