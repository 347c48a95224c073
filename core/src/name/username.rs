//! Usernames: the name of a Unix account, a PHP pool and an SFTP login at once.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{shown, text_newtype};
use crate::{Code, Parse, Problem};

/// `[a-z][a-z0-9_-]{2,31}`, not ending in `-`, not reserved. Upper case is refused, not folded.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^[a-z][a-z0-9_-]{1,30}[a-z0-9_]$", example = "alice")]
pub struct Username(String);
text_newtype!(Username);

/// The name that the first administrator signs in with; no hosting account can have it.
const FIRST_ADMIN: &str = "admin";

const HINT: &str = "use 3 to 32 characters: lower-case letters, digits, `-` and `_`, starting with a letter, not ending in `-`";

/// Names that belong to Debian's base accounts and groups, to packages that Berth installs or works with, or
/// that mail and web standards give a meaning to (RFC 2142).
const RESERVED: &[&str] = &[
    "abuse",
    "adm",
    "admin",
    "administrator",
    "all",
    "anonymous",
    "apache",
    "audio",
    "autoconfig",
    "autodiscover",
    "backup",
    "bin",
    "cdrom",
    "clamav",
    "clock",
    "crontab",
    "daemon",
    "dhcpcd",
    "dialout",
    "dip",
    "disk",
    "dnsmasq",
    "dovecot",
    "dovenull",
    "everyone",
    "fax",
    "floppy",
    "ftp",
    "fwupd-refresh",
    "games",
    "git",
    "gnats",
    "guest",
    "halt",
    "hostmaster",
    "info",
    "input",
    "irc",
    "jabali",
    "kmem",
    "kvm",
    "list",
    "localhost",
    "lpadmin",
    "mail",
    "maildrop",
    "mailer-daemon",
    "mailman",
    "mailnull",
    "man",
    "memcache",
    "memcached",
    "messagebus",
    "mysql",
    "netdev",
    "news",
    "nginx",
    "nobody",
    "noc",
    "nogroup",
    "nscd",
    "ntp",
    "ntpsec",
    "opendkim",
    "operator",
    "owner",
    "php",
    "plesk",
    "plugdev",
    "polkitd",
    "postdrop",
    "postfix",
    "postgres",
    "postgrey",
    "postmaster",
    "proftpd",
    "proxy",
    "pulse",
    "rabbitmq",
    "redis",
    "render",
    "root",
    "roundcube",
    "rspamd",
    "sasl",
    "security",
    "sgx",
    "shadow",
    "shutdown",
    "smmsp",
    "spamd",
    "src",
    "ssh",
    "sshd",
    "ssl-cert",
    "staff",
    "stalwart",
    "statd",
    "sudo",
    "support",
    "sync",
    "sys",
    "syslog",
    "system",
    "systemd",
    "systemd-coredump",
    "systemd-journal",
    "systemd-network",
    "systemd-oom",
    "systemd-resolve",
    "systemd-timesync",
    "tape",
    "tcpdump",
    "test",
    "tss",
    "tty",
    "unbound",
    "usbmux",
    "user",
    "users",
    "utmp",
    "uucp",
    "uuidd",
    "vboxadd",
    "video",
    "vmail",
    "voice",
    "webmail",
    "webmaster",
    "wheel",
    "www",
    "www-data",
];

/// Beginnings of names that Berth and systemd create accounts with.
const RESERVED_PREFIXES: &[&str] = &["berth", "systemd-", "_"];

/// Whether a name in lower case belongs to the system or to Berth.
pub(crate) fn is_reserved(name: &str) -> bool {
    RESERVED.binary_search(&name).is_ok() || RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

impl Parse for Username {
    fn parse(text: &str) -> Result<Self, Problem> {
        let invalid =
            |what: &str| Problem::new(Code::UsernameInvalid, format!("`{}` {what}", shown(text))).hint(HINT);
        let length = text.chars().count();
        if !(3..=32).contains(&length) {
            return Err(invalid(&format!("has {length} characters")));
        }
        if !text.starts_with(|c: char| c.is_ascii_lowercase()) {
            return Err(invalid("does not start with a lower-case letter"));
        }
        if let Some(bad) =
            text.chars().find(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-' || *c == '_'))
        {
            return Err(invalid(&format!("contains {bad:?}")));
        }
        if text.ends_with('-') {
            return Err(invalid("ends in `-`"));
        }
        if is_reserved(text) {
            return Err(Problem::new(Code::UsernameReserved, format!("`{text}` is kept for the system"))
                .hint("choose another name"));
        }
        Ok(Self(text.to_owned()))
    }
}

/// What a person signs in with beside the email address: their account's username, or `admin` for the first
/// administrator, who has no account.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, example = "alice")]
pub struct Login(String);
text_newtype!(Login);

impl Login {
    /// The login of the first administrator.
    pub fn first_admin() -> Self {
        Self(FIRST_ADMIN.to_owned())
    }
}

impl From<&Username> for Login {
    fn from(username: &Username) -> Self {
        Self(username.0.clone())
    }
}

impl Parse for Login {
    fn parse(text: &str) -> Result<Self, Problem> {
        if text == FIRST_ADMIN {
            return Ok(Self::first_admin());
        }
        Username::parse(text).map(|username| Self(username.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: Result<(), Code>) {
        assert_eq!(Username::parse(text).map(|_| ()).map_err(|p| p.code), expected, "{text:?}");
    }

    #[test]
    fn the_reserved_list_is_sorted_for_binary_search() {
        assert!(RESERVED.is_sorted());
    }

    #[test]
    fn rules() {
        for ok in ["bob", "alice", "bob_smith", "bob-smith", "a1_", "x0-0", &"a".repeat(32)] {
            check(ok, Ok(()));
        }
        for bad in [
            "",
            "ab",
            "1ab",
            "-ab",
            "_ab",
            "Alice",
            "alicE",
            "al ice",
            "al.ice",
            "alice-",
            "älice",
            "al\nice",
            "al|ice",
            "alice\0",
            "../etc",
            &"a".repeat(33),
            "ａｌｉｃｅ",
        ] {
            check(bad, Err(Code::UsernameInvalid));
        }
        for reserved in [
            "root",
            "admin",
            "postmaster",
            "abuse",
            "berth",
            "berth-web",
            "berthold",
            "www-data",
            "systemd-x",
        ] {
            check(reserved, Err(Code::UsernameReserved));
        }
    }

    proptest! {
        #[test]
        fn an_accepted_name_fits_the_grammar(text in "\\PC{0,40}") {
            if let Ok(name) = Username::parse(&text) {
                let name = name.as_str();
                prop_assert!(name.len() >= 3 && name.len() <= 32);
                prop_assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_'));
                prop_assert!(name.as_bytes()[0].is_ascii_lowercase() && !name.ends_with('-'));
            }
        }
    }
}
