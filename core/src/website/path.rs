use std::fmt;

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::name::shown;
use crate::{Code, Parse, Problem};

/// Longest path or address, in bytes: an address may hold a private key instead of a password.
const MAX: usize = 32 * 1024;

/// Where a website's files are: a directory here, or an address with the credentials to reach it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum WebsitePath {
    /// A directory on a server of this installation, a share that is mounted there included.
    Local(LocalPath),
    /// A directory somewhere else.
    Remote(Remote),
}

/// An absolute path without `.`, `..`, empty parts and control characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LocalPath(String);

impl TryFrom<String> for LocalPath {
    type Error = Problem;

    fn try_from(text: String) -> Result<Self, Problem> {
        match WebsitePath::parse(&text)? {
            WebsitePath::Local(path) => Ok(path),
            WebsitePath::Remote(_) => Err(Problem::new(Code::ValueInvalid, "the path is an address")),
        }
    }
}

impl From<LocalPath> for String {
    fn from(path: LocalPath) -> Self {
        path.0
    }
}

impl LocalPath {
    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How a remote directory is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// A shell.
    Ssh,
    /// File transfer over SSH.
    Sftp,
    /// File transfer in the clear.
    Ftp,
    /// File transfer over TLS, begun by the client's `AUTH TLS` (RFC 4217).
    Ftps,
}

impl Scheme {
    /// The word in addresses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ssh => "ssh",
            Self::Sftp => "sftp",
            Self::Ftp => "ftp",
            Self::Ftps => "ftps",
        }
    }

    const fn port(self) -> u16 {
        match self {
            Self::Ssh | Self::Sftp => 22,
            Self::Ftp | Self::Ftps => 21,
        }
    }
}

/// A remote directory with the credentials to reach it.
#[derive(Clone, PartialEq, Eq)]
pub struct Remote {
    text: Zeroizing<String>,
    scheme: Scheme,
    user: String,
    secret: Zeroizing<String>,
    host: String,
    port: u16,
    directory: String,
}

impl Remote {
    /// How it is reached.
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Who signs in.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The password, or the contents of a private key.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// The private key, if there is one in the password's place.
    pub fn private_key(&self) -> Option<&str> {
        self.secret.trim_start().starts_with("-----BEGIN ").then_some(self.secret.as_str())
    }

    /// The host's name or address, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The directory there; empty for the one in which a session begins.
    pub fn directory(&self) -> &str {
        &self.directory
    }

    fn parse(scheme: Scheme, text: &str) -> Result<Self, Problem> {
        let invalid = |what: &str| {
            Problem::new(Code::ValueInvalid, format!("the {} address {what}", scheme.as_str())).hint(
                "write it as sftp://user:password@host/directory, with user and password URL-encoded (RFC 3986)",
            )
        };
        let url = url::Url::parse(text).map_err(|_| invalid("can't be read"))?;
        let host = match url.host() {
            Some(url::Host::Domain(host)) => host.to_ascii_lowercase(),
            Some(url::Host::Ipv4(address)) => address.to_string(),
            Some(url::Host::Ipv6(address)) => address.to_string(),
            None => return Err(invalid("names no host")),
        };
        if host.is_empty()
            || host.len() > 253
            || !host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:".contains(&b))
        {
            return Err(invalid("names no valid host"));
        }
        let decoded = |part: &str| percent_decode_str(part).decode_utf8().map(std::borrow::Cow::into_owned);
        let user = decoded(url.username()).map_err(|_| invalid("has a user that is not UTF-8"))?;
        let secret = decoded(url.password().unwrap_or_default())
            .map_err(|_| invalid("has a password that is not UTF-8"))?;
        let directory = decoded(url.path()).map_err(|_| invalid("has a directory that is not UTF-8"))?;
        if user.is_empty() || user.chars().any(char::is_control) {
            return Err(invalid("names no user"));
        }
        if secret.is_empty() {
            return Err(invalid("has no password"));
        }
        // Only a key may have several lines: a line break in a password would be a second command of FTP.
        if secret.chars().any(char::is_control) && !secret.trim_start().starts_with("-----BEGIN ") {
            return Err(invalid("has a password with control characters"));
        }
        if directory.chars().any(char::is_control) || url.query().is_some() || url.fragment().is_some() {
            return Err(invalid("has a directory that can't be used; encode `?` and `#`"));
        }
        Ok(Self {
            port: url.port().unwrap_or(scheme.port()),
            text: Zeroizing::new(text.to_owned()),
            scheme,
            user,
            secret: Zeroizing::new(secret),
            host,
            directory: directory.trim_end_matches('/').to_owned(),
        })
    }
}

impl WebsitePath {
    /// The path or address as it was given, with its credentials.
    pub fn expose(&self) -> &str {
        match self {
            Self::Local(path) => &path.0,
            Self::Remote(remote) => &remote.text,
        }
    }

    /// Whether it is on a server of this installation.
    pub const fn is_local(&self) -> bool {
        matches!(self, Self::Local(_))
    }
}

impl Parse for WebsitePath {
    fn parse(text: &str) -> Result<Self, Problem> {
        let text = text.trim();
        let text = if text.len() > 1 { text.trim_end_matches('/') } else { text };
        if text.len() > MAX {
            return Err(Problem::new(Code::ValueInvalid, format!("the path is longer than {MAX} bytes")));
        }
        for scheme in [Scheme::Ssh, Scheme::Sftp, Scheme::Ftp, Scheme::Ftps] {
            let prefix = format!("{}://", scheme.as_str());
            if text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(&prefix)) {
                return Remote::parse(scheme, text).map(Self::Remote);
            }
        }
        // Whatever else has a scheme may hold a password, so it is not repeated.
        if text.contains("://") {
            return Err(Problem::new(
                Code::ValueInvalid,
                "the path is an address of a kind that is not known",
            )
            .hint("use ssh, sftp, ftp or ftps"));
        }
        let sound = text.starts_with('/')
            && text.len() > 1
            && text.len() <= 1024
            && !text.chars().any(crate::name::is_unprintable)
            && text.split('/').skip(1).all(|part| !part.is_empty() && part != "." && part != "..");
        if sound {
            return Ok(Self::Local(LocalPath(text.to_owned())));
        }
        Err(Problem::new(Code::ValueInvalid, format!("`{}` is neither a path nor an address", shown(text)))
            .hint(
                "use an absolute path such as /home/alice, or an address such as sftp://user:password@host",
            ))
    }
}

impl TryFrom<String> for WebsitePath {
    type Error = Problem;

    fn try_from(text: String) -> Result<Self, Problem> {
        Self::parse(&text)
    }
}

impl From<WebsitePath> for String {
    fn from(path: WebsitePath) -> Self {
        path.expose().to_owned()
    }
}

impl fmt::Debug for WebsitePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => path.fmt(f),
            Self::Remote(remote) => remote.fmt(f),
        }
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Remote({}://…@{}:{})", self.scheme.as_str(), self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(text: &str) -> Remote {
        let WebsitePath::Remote(remote) = WebsitePath::parse(text).unwrap() else {
            panic!("{text} is local")
        };
        remote
    }

    #[test]
    fn addresses_are_taken_apart_and_given_back_as_they_were() {
        let text = "sftp://user%40installatron.com:p%3Ass%2Fw%40rd@website.com/home/u";
        let parsed = remote(text);
        assert_eq!(parsed.user(), "user@installatron.com");
        assert_eq!(parsed.secret(), "p:ss/w@rd");
        assert_eq!((parsed.host(), parsed.port(), parsed.directory()), ("website.com", 22, "/home/u"));
        assert_eq!(WebsitePath::parse(text).unwrap().expose(), text);
        assert_eq!(remote("ftps://u:p@h.example:990").port(), 990);
        assert_eq!(remote("ftp://u:p@[2001:db8::1]").host(), "2001:db8::1");
        assert_eq!(remote("sftp://u:p@h").directory(), "");
        let key = "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----\n";
        let encoded = percent_encoding::utf8_percent_encode(key, percent_encoding::NON_ALPHANUMERIC);
        assert_eq!(remote(&format!("ssh://u:{encoded}@h")).private_key(), Some(key));
    }

    #[test]
    fn local_paths() {
        assert_eq!(WebsitePath::parse("/var/www/vhosts/DOMAIN/").unwrap().expose(), "/var/www/vhosts/DOMAIN");
        for bad in [
            "",
            "/",
            "home/u",
            "c:\\inetpub\\vhosts\\DOMAIN",
            "/home/../etc",
            "/home//u",
            "/home/./u",
            "/a\0b",
            "/a\nb",
            "http://u:p@h",
            "sftp://",
            "sftp://h",
            "sftp://u@h",
            "sftp://:p@h",
            "ftp://u:p%0d%0aDELE%20x@h",
            "sftp://u:p@h/a%0ab",
            "sftp://u%0a:p@h",
            "sftp://u:p@h?x",
            "file:///etc",
        ] {
            assert!(WebsitePath::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn secrets_show_nowhere() {
        let parsed = WebsitePath::parse("sftp://u:hunter2@h").unwrap();
        assert!(!format!("{parsed:?}").contains("hunter2"));
        for bad in ["sftp://u:hunter2@", "smb://u:hunter2@h", "sftp://u:hunter2@h?x"] {
            let problem = WebsitePath::parse(bad).unwrap_err();
            assert!(!format!("{problem:?}").contains("hunter2"), "{bad}");
        }
    }
}
