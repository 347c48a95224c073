use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::name::{shown, text_newtype};
use crate::{Code, Parse, Problem};

/// A database of a website, wherever its server is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebsiteDatabase {
    /// Its server.
    pub host: DatabaseHost,
    /// Its name there.
    pub name: DatabaseName,
    /// Who may use it.
    pub user: DatabaseName,
    /// That user's password.
    pub pass: DatabaseSecret,
}

/// The server of a database: a name or address, with a port where it is not 3306.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DatabaseHost(String);
text_newtype!(DatabaseHost);

/// The port of `MySQL` and `MariaDB`.
const PORT: u16 = 3306;

impl DatabaseHost {
    /// The name or address, without brackets.
    pub fn host(&self) -> &str {
        self.split().0
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.split().1.unwrap_or(PORT)
    }

    fn split(&self) -> (&str, Option<u16>) {
        if let Some(rest) = self.0.strip_prefix('[') {
            let (host, after) = rest.split_once(']').unwrap_or((rest, ""));
            return (host, after.strip_prefix(':').and_then(|port| port.parse().ok()));
        }
        match self.0.split_once(':') {
            Some((host, port)) if !port.contains(':') => (host, port.parse().ok()),
            _ => (&self.0, None),
        }
    }
}

impl Parse for DatabaseHost {
    fn parse(text: &str) -> Result<Self, Problem> {
        let invalid = || {
            Problem::new(
                Code::ValueInvalid,
                format!("`{}` is not the host of a database server", shown(text)),
            )
            .hint("use a name or address, with a port if need be: mysql.example.com:3308")
        };
        let parsed = Self(text.trim().to_owned());
        let (host, port) = parsed.split();
        let bracketed = parsed.0.starts_with('[');
        let named = !host.is_empty()
            && host.len() <= 253
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
            && !host.starts_with(['-', '.']);
        let fits =
            if host.contains(':') { host.parse::<std::net::Ipv6Addr>().is_ok() } else { named && !bracketed };
        let port_fits = match (bracketed, port) {
            (_, Some(port)) => port > 0,
            (true, None) => parsed.0.ends_with(']'),
            (false, None) => host.len() == parsed.0.len(),
        };
        if fits && port_fits { Ok(parsed) } else { Err(invalid()) }
    }
}

/// The name of a database or of a user of one, within the limits of `MySQL`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DatabaseName(String);
text_newtype!(DatabaseName);

impl Parse for DatabaseName {
    fn parse(text: &str) -> Result<Self, Problem> {
        let count = text.chars().count();
        if count == 0 || count > 80 || text.chars().any(crate::name::is_unprintable) || text.ends_with(' ') {
            return Err(Problem::new(
                Code::ValueInvalid,
                format!("`{}` is not a name in a database server", shown(text)),
            )
            .hint("use 1 to 80 printable characters"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// The password of a database user. It must be given back, so it is kept; it never shows in a log.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DatabaseSecret(Zeroizing<String>);

impl DatabaseSecret {
    /// The password itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DatabaseSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseSecret(…)")
    }
}

impl Parse for DatabaseSecret {
    fn parse(text: &str) -> Result<Self, Problem> {
        if text.is_empty() || text.len() > 1024 || text.chars().any(char::is_control) {
            return Err(Problem::new(Code::ValueInvalid, "this can't be the password of a database")
                .hint("use 1 to 1024 bytes without control characters"));
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }
}

impl TryFrom<String> for DatabaseSecret {
    type Error = Problem;

    fn try_from(text: String) -> Result<Self, Problem> {
        Self::parse(&text)
    }
}

impl From<DatabaseSecret> for String {
    fn from(secret: DatabaseSecret) -> Self {
        secret.0.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for (text, host, port) in [
            ("localhost", "localhost", 3306),
            ("mysql.website.com:3308", "mysql.website.com", 3308),
            ("123.123.123.123:3307", "123.123.123.123", 3307),
            ("[2001:db8::1]:3307", "2001:db8::1", 3307),
            ("2001:db8::1", "2001:db8::1", 3306),
        ] {
            let parsed = DatabaseHost::parse(text).unwrap();
            assert_eq!((parsed.host(), parsed.port()), (host, port), "{text}");
        }
        for bad in [
            "",
            "a b",
            "host:",
            "host:0",
            "host:x",
            "host:70000",
            "/run/mysqld.sock",
            "[::1",
            "[host]:1",
            "-x",
            "h\nx",
        ] {
            assert!(DatabaseHost::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_password_shows_nowhere() {
        let secret = DatabaseSecret::parse("1a.2b3c4d5e%6f7g8h)9i0").unwrap();
        assert!(!format!("{secret:?}").contains("2b3c"));
    }
}
