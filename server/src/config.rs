//! Configuration: `/etc/berth/berth.toml`, then environment variables on top of it.
//!
//! A variable is named `BERTH_`, the key in upper case, and `__` where the file has a table:
//! `BERTH_DATABASE__URL`. Unknown keys are refused, so that a misspelt one can't be silently without effect.
//! Variables without `__` belong to the command line, except `BERTH_KEYRING`.

use std::net::{Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use berth_core::name::Email;
use figment::Figment;
use figment::providers::{Env, Format, Toml};
use serde::{Deserialize, Serialize};

/// Where the configuration is unless the command line says otherwise.
pub const PATH: &str = "/etc/berth/berth.toml";

/// Everything that `berth serve` and the operator's commands read from the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the data is.
    pub database: Database,
    /// Where `berth serve` listens.
    pub listen: Listen,
    /// File with the keys that secrets are encrypted with; readable by `berth serve` only.
    pub keyring: PathBuf,
    /// The certificate of the panel.
    pub tls: Tls,
    /// How the panel is reached.
    pub panel: Panel,
    /// The server that this is.
    pub node: Node,
    /// What every account on this server has beside its own.
    pub account: Account,
    /// How many requests are accepted.
    pub rate: Rate,
    /// Where certificates come from.
    pub acme: Acme,
    /// Where events may be sent.
    pub webhooks: Webhooks,
    /// Installatron's API.
    pub installatron: Installatron,
    /// Plesk's API.
    pub plesk: Plesk,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            database: Database::default(),
            listen: Listen::default(),
            keyring: PathBuf::from("/etc/berth/keyring"),
            tls: Tls::default(),
            panel: Panel::default(),
            node: Node::default(),
            account: Account::default(),
            rate: Rate::default(),
            acme: Acme::default(),
            webhooks: Webhooks::default(),
            installatron: Installatron::default(),
            plesk: Plesk::default(),
        }
    }
}

/// `[database]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// `sqlite:///…` or `postgres://…`. May hold a password, so it is never logged.
    pub url: String,
}

impl Default for Database {
    fn default() -> Self {
        Self { url: "sqlite:///var/lib/berth/server/berth.db".to_owned() }
    }
}

/// `[listen]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Listen {
    /// Address and port of panel and REST, over TLS.
    pub panel: SocketAddr,
    /// Address and port of the dialects without TLS, for a network that is trusted. Nobody listens there unless it
    /// is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plain: Option<SocketAddr>,
    /// Socket of the operator on this host; whoever connects is known by the kernel's word.
    pub operator: PathBuf,
    /// Socket of the agent on this host.
    pub agent: PathBuf,
    /// Most connections that the panel keeps open at once.
    pub connections: usize,
    /// Most connections that the panel keeps open for one address.
    pub connections_per_address: usize,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            panel: SocketAddr::from((Ipv6Addr::UNSPECIFIED, 8443)),
            plain: None,
            operator: PathBuf::from("/run/berth/server/operator.sock"),
            agent: PathBuf::from("/run/berth/server/agent.sock"),
            connections: 4096,
            connections_per_address: 128,
        }
    }
}

/// `[tls]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// The certificate with its chain, in PEM. Read again when it changes.
    pub certificate: PathBuf,
    /// Its private key, in PEM.
    pub key: PathBuf,
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            certificate: PathBuf::from("/var/lib/berth/server/panel.crt"),
            key: PathBuf::from("/var/lib/berth/server/panel.key"),
        }
    }
}

/// `[panel]`
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Panel {
    /// The address that people open, such as `https://panel.example.com:8443`. Used in messages.
    pub url: Option<String>,
}

/// `[node]`
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Node {
    /// Name of this server in Berth; the host's name if absent.
    pub name: Option<String>,
}

impl Node {
    /// The name that was set, or else the host's.
    pub fn resolve(&self) -> String {
        self.name.clone().unwrap_or_else(|| {
            let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
            let short = host.trim().split('.').next().unwrap_or_default();
            if short.is_empty() { "localhost".to_owned() } else { short.to_owned() }
        })
    }
}

/// `[account]`
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Account {
    /// Groups of the system that every account joins, beside `berth-sftp`. The web server's is never joined,
    /// since whoever is in it can reach every tenant's PHP.
    pub extra_groups: Vec<String>,
}

/// `[rate]`: requests that the panel accepts per minute. The operator socket has no such bounds for root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rate {
    /// From one address (one /64 with IPv6), whoever asks.
    pub per_address: u32,
    /// With one API key.
    pub per_key: u32,
    /// With wrong credentials, from one address; after that, right ones from there are refused as well.
    pub failures: u32,
}

impl Default for Rate {
    fn default() -> Self {
        Self { per_address: 3000, per_key: 1800, failures: 20 }
    }
}

/// `[acme]`: where certificates come from, and how customers' names are looked at from outside.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Acme {
    /// The address of the certification authority's directory. Without one no certificates are ordered; with
    /// one its terms of service are agreed to.
    pub directory: Option<String>,
    /// The address that the authority may write to.
    pub contact: Option<Email>,
    /// File with certificates in PEM that the authority's own is trusted by, beside those of the system.
    pub trust: Option<PathBuf>,
    /// The name server to look up customers' names with, instead of the system's.
    pub resolver: Option<SocketAddr>,
    /// Whether names may lead to addresses that are not public. Only for tests: customers could then reach
    /// what is inside the operator's network.
    pub allow_private: bool,
}

/// `[webhooks]`: where events may be sent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Webhooks {
    /// Whether events may be sent without encryption.
    pub allow_http: bool,
    /// Whether events may be sent to addresses that are not public, such as those of the operator's own network.
    pub allow_private: bool,
}

/// `[installatron]`: the API for clients of Installatron Server.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Installatron {
    /// A port of its own for it, over TLS with the panel's certificate; it is always on the panel's port.
    pub listen: Option<SocketAddr>,
    /// Whether connections of websites that are tried may lead to this host and its links.
    pub allow_loopback: bool,
}

/// `[plesk]`: what Plesk's API accepts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Plesk {
    /// Most characters of a web user's password, 14 to 64.
    pub web_user_password_max: usize,
    /// Whether the elements of a packet may come in any order.
    pub any_order: bool,
}

impl Default for Plesk {
    fn default() -> Self {
        Self { web_user_password_max: berth_core::web_user::PASSWORD_MAX, any_order: false }
    }
}

/// Why the configuration can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file that was named is not there or can't be read.
    #[error("can't read the configuration {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file or a variable holds something that is not configuration.
    #[error("the configuration {} is not valid: {what}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong, with key and origin; without values, since one of them may hold a password.
        what: String,
    },
}

impl Config {
    /// Reads a file and the environment. The file at the standard place may be absent.
    ///
    /// # Errors
    /// The file can't be read, or it or the environment holds an unknown key or a wrong value.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && path == Path::new(PATH) => {
                String::new()
            }
            Err(source) => return Err(ConfigError::Read { path: path.to_owned(), source }),
        };
        let environment =
            Env::prefixed("BERTH_").filter(|key| key == "keyring" || key.as_str().contains("__")).split("__");
        Self::extract(path, &Figment::from(Toml::string(&text)).merge(environment))
    }

    fn extract(path: &Path, figment: &Figment) -> Result<Self, ConfigError> {
        let invalid = |what: String| ConfigError::Invalid { path: path.to_owned(), what };
        let config: Self = figment.extract().map_err(|error| {
            invalid(error.into_iter().map(|one| describe(&one)).collect::<Vec<_>>().join("; "))
        })?;
        if !["sqlite:", "postgres:", "postgresql:"].iter().any(|kind| config.database.url.starts_with(kind)) {
            return Err(invalid("`database.url` starts with neither sqlite: nor postgres:".to_owned()));
        }
        if config.panel.url.as_ref().is_some_and(|url| !url.starts_with("https://")) {
            return Err(invalid("`panel.url` does not start with https://".to_owned()));
        }
        if config.acme.directory.as_ref().is_some_and(|url| !url.starts_with("https://")) {
            return Err(invalid("`acme.directory` does not start with https://".to_owned()));
        }
        for (key, number) in [
            ("rate.per_address", config.rate.per_address as usize),
            ("rate.per_key", config.rate.per_key as usize),
            ("rate.failures", config.rate.failures as usize),
            ("listen.connections", config.listen.connections),
            ("listen.connections_per_address", config.listen.connections_per_address),
        ] {
            if number == 0 {
                return Err(invalid(format!("`{key}` is 0, so nobody would be served")));
            }
        }
        let allowed = berth_core::web_user::PASSWORD_MAX..=berth_core::web_user::PASSWORD_MAX_MAX;
        if !allowed.contains(&config.plesk.web_user_password_max) {
            return Err(invalid("`plesk.web_user_password_max` is not from 14 to 64".to_owned()));
        }
        Ok(config)
    }
}

/// What is wrong, with the key, but without the value.
fn describe(error: &figment::Error) -> String {
    use figment::error::Kind;
    let key = error.path.join(".");
    match &error.kind {
        Kind::UnknownField(name, known) => {
            let full = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
            let full = if key == *name || key.ends_with(&format!(".{name}")) { key } else { full };
            format!("`{full}` is not a key; known there are {}", known.join(", "))
        }
        Kind::InvalidType(_, expected) => format!("`{key}` should be {expected}"),
        Kind::Message(_) if key.is_empty() => format!("not readable as TOML: {error}"),
        _ if key.is_empty() => error.to_string(),
        _ => format!("`{key}` has a value that can't be used"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, String> {
        Config::extract(Path::new("berth.toml"), &Figment::from(Toml::string(text)))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_said_means_the_documented_defaults() {
        let config = read("").unwrap();
        assert_eq!(config, Config::default());
        assert_eq!(config.listen.panel.to_string(), "[::]:8443");
        assert_eq!(config.database.url, "sqlite:///var/lib/berth/server/berth.db");
        assert!(!config.node.resolve().is_empty());
    }

    #[test]
    fn what_is_said_counts_and_the_rest_stays() {
        let config =
            read("keyring = '/k'\n[listen]\npanel = '127.0.0.1:9443'\n[node]\nname = 'web1'").unwrap();
        assert_eq!(config.listen.panel.port(), 9443);
        assert_eq!(config.listen.operator, Listen::default().operator);
        assert_eq!(config.keyring, Path::new("/k"));
        assert_eq!(config.node.resolve(), "web1");
    }

    #[test]
    fn what_can_not_be_meant_is_refused_and_named() {
        for (text, named) in [
            ("colour = 1", "`colour`"),
            ("[listen]\npanle = '[::]:1'", "`listen.panle`"),
            ("[listen]\npanel = 'everywhere'", "listen.panel"),
            ("[rate]\nper_key = 0", "rate.per_key"),
            ("[rate]\nper_key = -1", "rate.per_key"),
            ("[database]\nurl = 'mysql://x'", "database.url"),
            ("[panel]\nurl = 'http://x'", "panel.url"),
            ("[plesk]\nweb_user_password_max = 13", "plesk.web_user_password_max"),
            ("[panel", "TOML"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(named), "{text}: {error}");
        }
    }

    #[test]
    fn a_password_in_a_wrong_value_is_not_repeated() {
        let error = read("[listen]\npanel = 'postgres://u:hunter2@h/d'").unwrap_err();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
