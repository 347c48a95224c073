//! Websites as Installatron defines them: where the files are, which addresses show them, which databases
//! belong to them. They may be on this installation or anywhere else.

mod database;
mod label;
mod locale;
mod path;
mod vhost;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

pub use database::{DatabaseHost, DatabaseName, DatabaseSecret, WebsiteDatabase};
pub use label::{PackageLabel, ServerLabel, WebsiteLabel};
pub use locale::Locale;
pub use path::{LocalPath, Remote, Scheme, WebsitePath};
pub use vhost::{VhostDirectory, VhostUrl};

use crate::name::{Email, Login};

/// One website. It holds secrets, so it is stored sealed and [`Debug`] shows none of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Website {
    /// The home of its files; absent only where hooks give it on demand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<WebsitePath>,
    /// Which address shows which directory below the home.
    pub vhosts: Vec<(VhostUrl, VhostDirectory)>,
    /// Its databases.
    pub databases: Vec<WebsiteDatabase>,
    /// The numeric user and group that local files are created as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ids: Option<PosixIds>,
    /// What identifies it among its owner's websites.
    pub label: WebsiteLabel,
    /// The language of messages about it; its owner's if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Locale>,
    /// The server that it counts against when work is spread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerLabel>,
    /// Whether it is suspended by itself.
    #[serde(default)]
    pub suspended: bool,
    /// Where its host names lead, whatever the name servers say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vhost_ip: Option<IpAddr>,
    /// Its own contact address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
    /// The reseller or administrator whom its definition named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Login>,
}

impl Website {
    /// The server that work on it counts against: the one that was named, or else the host of its address.
    pub fn server(&self) -> Option<String> {
        match (&self.server, &self.path) {
            (Some(server), _) => Some(server.as_str().to_owned()),
            (None, Some(WebsitePath::Remote(remote))) => Some(remote.host().to_owned()),
            (None, _) => None,
        }
    }
}

/// The numeric user and group that files are created as.
///
/// The vendor's page has the two descriptions swapped; the names win.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PosixIds {
    /// The user.
    pub uid: u32,
    /// The group.
    pub gid: u32,
}

/// A user as Installatron's API shows them, with their websites and everything secret in these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalUserView {
    /// The user.
    pub login: Login,
    /// Their owner.
    pub parent: Login,
    /// [`Role::User`](crate::role::Role::User), or another.
    pub role: crate::role::Role,
    /// Whether everything of theirs is suspended.
    pub suspended: bool,
    /// The language that they see Installatron in.
    pub locale: Locale,
    /// Their contact address.
    pub email: Option<Email>,
    /// Their package by name.
    pub package: Option<PackageLabel>,
    /// Their websites in the order in which they were defined.
    pub websites: Vec<Website>,
}
