//! Where things of an account live on a host: total functions of parsed types.

use crate::account::Uid;
use crate::name::{Fqdn, Username};
use crate::timer::TimerName;
use crate::web_user::WebUserLogin;

/// Group of everybody who may transfer files; what the SSH server's match looks for.
pub const SFTP_GROUP: &str = "berth-sftp";
/// The user that nginx's workers run as. No tenant, pool or service ever joins its group.
pub const WEB_USER: &str = "berth-web";
/// The user that owns private keys of sites and nothing else.
pub const TLS_USER: &str = "berth-tls";
/// Parent of all homes.
pub const HOME_ROOT: &str = "/home";
/// Where left-over homes are moved; on the file system of the homes, so that moving is a rename.
pub const QUARANTINE_DIR: &str = "/home/.berth-quarantine";
/// Homes of accounts in the trash, by number; only root gets in. On the file system of the homes, so that
/// sealing one is a rename, however much is in it.
pub const TRASH_DIR: &str = "/home/.berth-trash";
/// Authorized keys, one file per account, outside the homes.
pub const KEYS_DIR: &str = "/etc/berth/keys";
/// Links from host name to the site's directory; nginx serves through them.
pub const HOST_TREE: &str = "/var/lib/berth/www";
/// Links from host name to what says that its account is closed; nginx looks here before anywhere else.
pub const CLOSED_HOSTS: &str = "/var/lib/berth/closed-hosts";
/// A directory for each account that is closed, by number. With it all links of the account lead somewhere, and
/// without it none does: one change closes or opens all sites of an account.
pub const CLOSED_ACCOUNTS: &str = "/var/lib/berth/closed-accounts";
/// Certificates and keys by host name.
pub const TLS_DIR: &str = "/var/lib/berth/tls";
/// Links from host name to the site's directory, for names whose visitors are sent to HTTPS.
pub const HTTPS_DIR: &str = "/var/lib/berth/https";
/// Where the web server writes its two logs. Only root and the process that splits them may look.
pub const LOG_DIR: &str = "/var/log/berth";
/// Links from host name to the directory of the site's logs.
pub const LOG_TREE: &str = "/var/lib/berth/logs-by-host";
/// The user who splits the web server's logs and owns those of the sites. No privileges.
pub const LOG_USER: &str = "berth-log";
/// Links from host name to the account's PHP socket.
pub const PHP_HOST_DIR: &str = "/run/berth/php";
/// PHP sockets, one per account.
pub const PHP_SOCKET_DIR: &str = "/run/berth/fpm";
/// PHP pool configurations, one per account.
pub const PHP_CONFIG_DIR: &str = "/etc/berth/php";
/// Server blocks of sites with settings of their own.
pub const SITES_DIR: &str = "/etc/berth/nginx/sites";
/// What the timers of accounts run and when, a directory per account.
pub const TIMERS_DIR: &str = "/etc/berth/timers";
/// The moment up to which the agent has fired timers. It goes with a reboot: what was missed while the node
/// was off is not made up.
pub const TIMERS_FIRED: &str = "/run/berth/timers-fired";

/// Group of web users; what the SSH server's match for them looks for.
pub const WEB_USER_GROUP: &str = "berth-webuser";
/// Where web users live: a directory per account, in it one per web user. Root's, and on the file system of the
/// homes, so that its quotas count.
pub const WEB_USERS_ROOT: &str = "/home/.berth-web-users";
/// Links from host name and login to the directory of a web user; nginx serves through them.
pub const WEB_USER_TREE: &str = "/var/lib/berth/web-users";

/// `/home/.berth-web-users/<uid of the account>`.
pub fn web_users_dir(account: Uid) -> String {
    format!("{WEB_USERS_ROOT}/{account}")
}

/// `/home/.berth-web-users/<uid of the account>/<uid>`: the jail of a web user.
pub fn web_user_home(account: Uid, uid: Uid) -> String {
    format!("{WEB_USERS_ROOT}/{account}/{uid}")
}

/// `<host>~<login>`: the link in [`WEB_USER_TREE`]. A tilde is in neither of both.
pub fn web_user_link(host: &Fqdn, login: &WebUserLogin) -> String {
    format!("{host}~{login}")
}

/// `~<login>.sock`: the link to the PHP socket of a web user in [`PHP_HOST_DIR`]. A tilde is in no host name.
pub fn web_user_socket(login: &WebUserLogin) -> String {
    format!("~{login}.sock")
}

/// Longest host name that the host tree serves. A socket path ends at 108 bytes, so longer names get a server
/// block of their own with file names made from a hash.
pub const HOST_TREE_MAX: usize = 80;

/// `/home/<username>`.
pub fn home(username: &Username) -> String {
    format!("{HOME_ROOT}/{username}")
}

/// `/home/.berth-trash/<uid>`.
pub fn trash(uid: Uid) -> String {
    format!("{TRASH_DIR}/{uid}")
}

/// `/var/lib/berth/closed-accounts/<uid>`.
pub fn closed_account(uid: Uid) -> String {
    format!("{CLOSED_ACCOUNTS}/{uid}")
}

/// `/home/<username>/domains/<fqdn>`.
pub fn site_dir(username: &Username, fqdn: &Fqdn) -> String {
    format!("{HOME_ROOT}/{username}/domains/{fqdn}")
}

/// `/home/<username>/domains/<fqdn>/logs`.
pub fn site_logs(username: &Username, fqdn: &Fqdn) -> String {
    format!("{}/logs", site_dir(username, fqdn))
}

/// `/etc/berth/keys/<username>`.
pub fn keys_file(username: &Username) -> String {
    format!("{KEYS_DIR}/{username}")
}

/// `user-<uid>.slice`: by number, because `-` in a slice's name means nesting.
pub fn slice(uid: Uid) -> String {
    format!("user-{uid}.slice")
}

/// Whose slice this is, if it is an account's.
pub fn slice_owner(name: &str) -> Option<Uid> {
    let number = name.strip_prefix("user-")?.strip_suffix(".slice")?;
    let uid = Uid::try_from(number.parse::<u32>().ok()?).ok()?;
    (slice(uid) == name).then_some(uid)
}

/// `berth-fpm-<uid>.service`.
pub fn php_unit(uid: Uid) -> String {
    format!("berth-fpm-{uid}.service")
}

/// `/run/berth/fpm/<uid>.sock`.
pub fn php_socket(uid: Uid) -> String {
    format!("{PHP_SOCKET_DIR}/{uid}.sock")
}

/// `/etc/berth/php/<uid>.conf`.
pub fn php_config(uid: Uid) -> String {
    format!("{PHP_CONFIG_DIR}/{uid}.conf")
}

/// `/etc/berth/timers/<uid>`.
pub fn timers_dir(uid: Uid) -> String {
    format!("{TIMERS_DIR}/{uid}")
}

/// `/etc/berth/timers/<uid>/<name>.json`: what a run of a timer reads.
pub fn timer_job(uid: Uid, name: &TimerName) -> String {
    format!("{TIMERS_DIR}/{uid}/{name}.json")
}

/// `berth-timer-<uid>-<name>.service`: a run that the agent has started.
pub fn timer_unit(uid: Uid, name: &TimerName) -> String {
    format!("berth-timer-{uid}-{name}.service")
}

/// The account of a run that the agent has started.
pub fn timer_unit_uid(unit: &str) -> Option<u32> {
    unit.strip_prefix("berth-timer-")?.split_once('-')?.0.parse().ok()
}

/// `berth-timer@<name>.timer`: of the account's own user manager.
pub fn user_timer(name: &TimerName) -> String {
    format!("berth-timer@{name}.timer")
}

/// `/home/<username>/.berth`: root's, so that nobody can put a link in the place of what is in it.
pub fn home_berth(username: &Username) -> String {
    format!("{HOME_ROOT}/{username}/.berth")
}

/// `/home/<username>/.berth/runs`: where runs of timers leave their records. In the home, so that the
/// account's quota counts them.
pub fn timer_spool(username: &Username) -> String {
    format!("{HOME_ROOT}/{username}/.berth/runs")
}

/// The file name that stands for a host: the host itself where it fits, a hash of it where a socket path
/// would be too long.
pub fn host_file(host: &Fqdn) -> String {
    use sha2::{Digest, Sha256};
    if host.as_str().len() <= HOST_TREE_MAX {
        return host.to_string();
    }
    let digest = Sha256::digest(host.as_str().as_bytes());
    // An underscore can't occur in a host name, so no host can ever be mistaken for a hashed one.
    format!("_{}", hex::encode(digest).get(..40).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Parse;

    #[test]
    fn only_slices_of_accounts_have_an_owner() {
        let uid = Uid::try_from(1_900_000_001).unwrap();
        assert_eq!(slice_owner(&slice(uid)), Some(uid));
        for other in
            ["user-0.slice", "user-.slice", "user-+1900000001.slice", "user-01900000001.slice", "user.slice"]
        {
            assert_eq!(slice_owner(other), None, "{other}");
        }
    }

    #[test]
    fn socket_paths_fit_into_a_socket_address() {
        let longest = Fqdn::parse(&format!("{0}.{0}.{0}.example.com", "a".repeat(60))).unwrap();
        let file = host_file(&longest);
        assert!(file.starts_with('_'));
        assert!(format!("{PHP_HOST_DIR}/{file}.sock").len() < 108);
        let edge = Fqdn::parse(&format!("{}.{}.com", "a".repeat(63), "b".repeat(12))).unwrap();
        assert_eq!(edge.as_str().len(), HOST_TREE_MAX);
        assert!(format!("{PHP_HOST_DIR}/{}.sock", host_file(&edge)).len() < 108);
    }
}
