//! The secrets of an instance, readable by the owner only and kept outside the checkout.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::state::Instance;
use crate::files;

/// How to get into the panel and the API of a node.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Credentials {
    /// Where the panel answers.
    pub(crate) panel_url: String,
    /// The first administrator's login.
    pub(crate) admin_login: String,
    /// The first administrator's password.
    pub(crate) admin_password: String,
    /// A key for the API with every right.
    pub(crate) api_key: String,
    /// The first user's name.
    pub(crate) username: String,
    /// The first user's password.
    pub(crate) password: String,
}

impl Credentials {
    /// The credentials of an instance, if it was set up.
    pub(crate) fn load(instance: &Instance) -> Result<Option<Self>> {
        let path = instance.dir().join("credentials.json");
        if !path.exists() {
            return Ok(None);
        }
        let text = files::read(&path)?;
        let found = serde_json::from_str(&text)
            .with_context(|| format!("{} does not hold credentials", path.display()))?;
        Ok(Some(found))
    }

    /// Stores them.
    pub(crate) fn save(&self, instance: &Instance) -> Result<()> {
        let text = serde_json::to_string_pretty(self).context("cannot encode credentials")?;
        files::write_secret(&instance.dir().join("credentials.json"), &text)
    }
}
