//! `berth setup`: from an installed package to a panel that one can sign in to. Every step can be repeated.

mod address;
mod certificate;
mod configuration;
mod database;
mod host;
mod render;
mod services;

use serde::{Deserialize, Serialize};

pub(crate) use database::prepare as prepare_database;
pub(crate) use host::{host, service_user};
pub(crate) use render::render;
pub(crate) use services::{agent_is_running, is_answering, start as start_services};

/// What was asked for on the command line.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    /// Address of the first administrator.
    pub(crate) admin_email: Option<String>,
    /// Name under which the panel is reached.
    pub(crate) hostname: Option<String>,
}

/// What setting up answers. Secrets are there on the first run only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub(crate) panel_url: String,
    pub(crate) admin_login: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) admin_password: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) api_key: Option<String>,
}

impl Answer {
    /// For people.
    pub(crate) fn shown(&self) -> String {
        let shown = crate::output::sheet([
            ("panel", Some(self.panel_url.clone())),
            ("login", Some(self.admin_login.clone())),
            ("password", self.admin_password.clone()),
            ("API key", self.api_key.clone()),
        ]);
        if self.admin_password.is_some() {
            format!("{shown}\n\nPassword and API key are shown this once.")
        } else {
            format!(
                "{shown}\n\nThe installation was set up before. A new password: \
                 berth user set-password {}",
                self.admin_login
            )
        }
    }
}

/// Name under which the panel is reached: what was said, or the host's own name.
fn hostname(wish: &Wish) -> Result<String, crate::failure::Failure> {
    let own = || std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = wish.hostname.clone().unwrap_or_else(own);
    let name = name.trim().trim_end_matches('.').to_ascii_lowercase();
    let fits = (1..=253).contains(&name.len())
        && name.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        });
    if fits {
        Ok(name)
    } else {
        Err(crate::failure::Failure::usage(
            format!("`{}` is not a host name", crate::output::clean(&name)),
            "say under which name the panel is reached with --hostname",
        ))
    }
}
