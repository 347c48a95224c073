use serde::Serialize;

use crate::egress::{EgressRule, Note, Protocol};
use crate::{Fields, Problems};

/// Let an account reach something whatever its package says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AddEgressRule {
    /// What it may reach.
    pub rule: EgressRule,
    /// Why.
    pub note: Option<Note>,
}

impl AddEgressRule {
    /// Reads `network`, `port`, `protocol` (tcp if absent) and `note`.
    ///
    /// # Errors
    /// Every problem of every field.
    pub fn parse(mut fields: Fields) -> Result<Self, Problems> {
        let network = fields.required("network");
        let port = fields.required("port");
        let protocol = fields.optional::<Protocol>("protocol").unwrap_or_default();
        let note = fields.optional("note");
        let problems = fields.finish();
        match (network, port) {
            (Some(network), Some(port)) if problems.is_empty() => {
                Ok(Self { rule: EgressRule { network, port, protocol }, note })
            }
            _ => Err(problems),
        }
    }
}
