use crate::ssh_key::SshPublicKey;
use crate::{Fields, Problems};

/// Add a key that opens file transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddSshKey {
    /// The key.
    pub key: SshPublicKey,
}

impl AddSshKey {
    /// Reads `key`.
    ///
    /// # Errors
    /// Every problem of every field.
    pub fn parse(mut fields: Fields) -> Result<Self, Problems> {
        let key = fields.required("key");
        let problems = fields.finish();
        match key {
            Some(key) if problems.is_empty() => Ok(Self { key }),
            _ => Err(problems),
        }
    }
}
