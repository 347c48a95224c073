//! Links from host names: a directory in which each name leads to what belongs to one account.
//!
//! What is there is read once per audit and then kept in memory, so that a pass touches only the links of the
//! accounts that it works on, and still finds those that an account has no longer.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use berth_core::layout;
use berth_core::spec::AccountSpec;

use crate::host::{Host, Kind, Result};
use crate::ledger::Certificates;
use crate::resource::tls;

/// A directory of links.
pub struct Links {
    dir: &'static str,
    /// Whose a link is, by where it points; `None` if it is none of ours.
    owner: fn(&str) -> Option<&str>,
    index: Mutex<Option<HashMap<String, BTreeSet<String>>>>,
}

impl Links {
    /// The host tree: name → directory of the site.
    pub fn sites() -> Self {
        Self { dir: layout::HOST_TREE, owner: site_owner, index: Mutex::default() }
    }

    /// Name → PHP socket of the account.
    pub fn sockets() -> Self {
        Self { dir: layout::PHP_HOST_DIR, owner: socket_owner, index: Mutex::default() }
    }

    /// Name → directory of the site's logs.
    pub fn logs() -> Self {
        Self { dir: layout::LOG_TREE, owner: logs_owner, index: Mutex::default() }
    }

    /// Name → what says that the account is closed.
    pub fn closed() -> Self {
        Self { dir: layout::CLOSED_HOSTS, owner: closed_owner, index: Mutex::default() }
    }

    /// Name → directory of the site, for names whose visitors are sent to HTTPS.
    pub fn https() -> Self {
        Self { dir: layout::HTTPS_DIR, owner: site_owner, index: Mutex::default() }
    }

    /// Name and login → directory of a web user.
    pub fn web_users() -> Self {
        Self { dir: layout::WEB_USER_TREE, owner: web_user_owner, index: Mutex::default() }
    }

    /// Login → PHP socket of a web user.
    pub fn web_user_sockets() -> Self {
        Self { dir: layout::PHP_HOST_DIR, owner: socket_owner, index: Mutex::default() }
    }

    /// Forgets what was read, so that the next look is at the directory itself.
    pub fn refresh(&self) {
        *self.index.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Makes the links that an owner shall have, each at once.
    ///
    /// # Errors
    /// A link can't be read or made.
    pub fn make(&self, host: &dyn Host, owner: &str, wanted: &BTreeMap<String, String>) -> Result<()> {
        for (name, target) in wanted {
            let path = format!("{}/{name}", self.dir);
            let there = host.entry(&path)?.is_some_and(|entry| entry.kind == Kind::Link(target.clone()));
            if !there {
                host.replace_link(&path, target)?;
            }
        }
        self.indexed(host, |index| {
            index.entry(owner.to_owned()).or_default().extend(wanted.keys().cloned());
        })
    }

    /// Removes the links of an owner that are not wanted any more. A name that leads elsewhere by now is
    /// somebody else's and stays.
    ///
    /// # Errors
    /// A link can't be read or removed.
    pub fn prune(&self, host: &dyn Host, owner: &str, wanted: &BTreeMap<String, String>) -> Result<()> {
        self.prune_with(host, owner, wanted, |_| Ok(()))
    }

    /// The same; of each name that is an owner's no longer, what else belongs to it goes first.
    ///
    /// # Errors
    /// A link can't be read or removed, or what belongs to it can't.
    pub fn prune_with(
        &self,
        host: &dyn Host,
        owner: &str,
        wanted: &BTreeMap<String, String>,
        first: impl Fn(&str) -> Result<()>,
    ) -> Result<()> {
        let mut stale = BTreeSet::new();
        self.indexed(host, |index| {
            if let Some(names) = index.get(owner) {
                stale = names.iter().filter(|name| !wanted.contains_key(*name)).cloned().collect();
            }
        })?;
        for name in stale {
            let path = format!("{}/{name}", self.dir);
            if let Some(Kind::Link(target)) = host.entry(&path)?.map(|entry| entry.kind)
                && (self.owner)(&target) == Some(owner)
            {
                first(&name)?;
                host.remove_file(&path)?;
            }
            self.indexed(host, |index| {
                if let Some(names) = index.get_mut(owner) {
                    names.remove(&name);
                }
            })?;
        }
        Ok(())
    }

    fn indexed(
        &self,
        host: &dyn Host,
        work: impl FnOnce(&mut HashMap<String, BTreeSet<String>>),
    ) -> Result<()> {
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = index.as_mut() {
            work(index);
            return Ok(());
        }
        let mut read: HashMap<String, BTreeSet<String>> = HashMap::new();
        for name in host.list(self.dir)? {
            let kind = host.entry(&format!("{}/{name}", self.dir))?.map(|entry| entry.kind);
            if let Some(Kind::Link(target)) = kind
                && let Some(owner) = (self.owner)(&target)
            {
                read.entry(owner.to_owned()).or_default().insert(name);
            }
        }
        work(index.insert(read));
        Ok(())
    }
}

/// `/home/<username>/domains/<fqdn>` is the user's.
fn site_owner(target: &str) -> Option<&str> {
    let (user, rest) = target.strip_prefix(layout::HOME_ROOT)?.strip_prefix('/')?.split_once('/')?;
    let fqdn = rest.strip_prefix("domains/")?;
    (!fqdn.is_empty() && !fqdn.contains('/')).then_some(user)
}

/// `/run/berth/fpm/<uid>.sock` is the uid's.
fn socket_owner(target: &str) -> Option<&str> {
    let uid = target.strip_prefix(layout::PHP_SOCKET_DIR)?.strip_prefix('/')?.strip_suffix(".sock")?;
    (!uid.contains('/')).then_some(uid)
}

/// `/home/<username>/domains/<fqdn>/logs` is the user's.
fn logs_owner(target: &str) -> Option<&str> {
    site_owner(target.strip_suffix("/logs")?)
}

/// `/var/lib/berth/closed-accounts/<uid>` is the uid's.
fn closed_owner(target: &str) -> Option<&str> {
    let uid = target.strip_prefix(layout::CLOSED_ACCOUNTS)?.strip_prefix('/')?;
    (!uid.contains('/')).then_some(uid)
}

/// The links that say that the account is closed, for every host name of every site; none if it is open, or if
/// nothing of it shall be left.
pub fn closed_links(spec: &AccountSpec) -> BTreeMap<String, String> {
    if spec.standing.is_open() || spec.standing.is_purged() {
        return BTreeMap::new();
    }
    let closed = layout::closed_account(spec.uid);
    let hosts = spec.sites.iter().flat_map(berth_core::spec::SiteSpec::hosts);
    hosts.map(|host| (layout::host_file(host), closed.clone())).collect()
}

/// The sites that are served at all.
fn served(spec: &AccountSpec) -> impl Iterator<Item = &berth_core::spec::SiteSpec> {
    spec.sites.iter().filter(|_| spec.standing.is_open())
}

/// `/home/.berth-web-users/<uid of the account>/<uid>` is the account's.
fn web_user_owner(target: &str) -> Option<&str> {
    let (account, user) = target.strip_prefix(layout::WEB_USERS_ROOT)?.strip_prefix('/')?.split_once('/')?;
    (!user.contains('/')).then_some(account)
}

/// The links to the logs of its sites that an account shall have: every host name of every site.
pub fn log_links(spec: &AccountSpec) -> BTreeMap<String, String> {
    spec.sites
        .iter()
        .filter(|_| !spec.standing.is_sealed())
        .flat_map(|site| {
            let logs = layout::site_logs(&spec.username, &site.fqdn);
            site.hosts().map(move |host| (layout::host_file(host), logs.clone()))
        })
        .collect()
}

/// The links of the host tree that an account shall have: every host name of a standard site.
pub fn site_links(spec: &AccountSpec) -> BTreeMap<String, String> {
    let standard = served(spec).filter(|site| site.is_standard());
    standard
        .flat_map(|site| {
            site.hosts().map(|host| (layout::host_file(host), layout::site_dir(&spec.username, &site.fqdn)))
        })
        .collect()
}

/// The links by which visitors are sent to HTTPS that an account shall have: names of standard sites. A site
/// with a server block of its own says it there.
pub fn https_links(spec: &AccountSpec, certificates: &Certificates) -> BTreeMap<String, String> {
    let standard = served(spec).filter(|site| site.is_standard());
    standard
        .flat_map(|site| {
            let certificate = tls::of(site, certificates);
            let sent = site.hosts().filter(move |host| tls::redirects(site, host, certificate));
            sent.map(|host| (layout::host_file(host), layout::site_dir(&spec.username, &site.fqdn)))
        })
        .collect()
}

/// The links to its PHP socket that an account shall have. A server block needs only that of the site's name.
pub fn socket_links(spec: &AccountSpec) -> BTreeMap<String, String> {
    let socket = layout::php_socket(spec.uid);
    served(spec)
        .flat_map(|site| site.hosts().take(if site.is_standard() { usize::MAX } else { 1 }))
        .map(|host| (format!("{}.sock", layout::host_file(host)), socket.clone()))
        .collect()
}
