//! The last look at an account that was purged: for everything that could still name it.

use berth_core::layout;
use berth_core::link::Looked;
use berth_core::spec::{AccountSpec, SiteSpec};

use super::account;
use crate::host::{Host, HostError};

/// What was looked for, and what of it is left.
#[derive(Debug, Default)]
pub struct Search {
    /// Everything that was looked for.
    pub looked: Vec<Looked>,
    /// The places where something was found.
    pub left: Vec<String>,
}

impl Search {
    fn note(&mut self, what: &str, place: impl Into<String>, found: bool) {
        let place = place.into();
        if found {
            self.left.push(format!("{what} {place}"));
        }
        self.looked.push(Looked { what: what.to_owned(), place });
    }
}

/// Looks for everything that ever named the account.
///
/// # Errors
/// Something can't be looked at: then nothing is proven.
pub fn search(host: &dyn Host, spec: &AccountSpec) -> Result<Search, HostError> {
    let mut search = Search::default();
    let (name, uid) = (&spec.username, spec.uid);
    let in_files = account::found(host, spec)?;
    for file in ["/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow", "/etc/subuid", "/etc/subgid"] {
        search.note("entry of account or group", format!("{file} {name}"), in_files == Some(file));
    }
    let home = layout::home(name);
    let ours = host.entry(&home)?.is_some_and(|found| found.attributes.owner.gid == uid.get());
    search.note("home", home, ours);
    for (what, path) in [
        ("home in the trash", layout::trash(uid)),
        ("authorized keys", layout::keys_file(name)),
        ("mail spool", format!("/var/mail/{name}")),
        ("crontab", format!("/var/spool/cron/crontabs/{name}")),
        ("lingering", format!("/var/lib/systemd/linger/{name}")),
        ("runtime directory", format!("/run/user/{uid}")),
        ("limits of the slice", format!("/run/systemd/system.control/{}.d", layout::slice(uid))),
        ("slice", format!("/sys/fs/cgroup/user.slice/{}", layout::slice(uid))),
        ("timers", layout::timers_dir(uid)),
        ("PHP pool", layout::php_config(uid)),
        ("PHP socket", layout::php_socket(uid)),
        ("mark of a closed account", layout::closed_account(uid)),
    ] {
        let found = host.entry(&path)?.is_some();
        search.note(what, path, found);
    }
    for unit in [format!("user@{uid}.service"), layout::php_unit(uid)] {
        // A unit that systemd knows only because somebody asked for it is none.
        let state = host.systemd().unit_state(&unit)?;
        search.note("unit", unit, state.is_some_and(|state| state != "inactive"));
    }
    for site in &spec.sites {
        of_site(host, site, &mut search)?;
    }
    let table = host.firewall().table()?;
    let element = table.is_some_and(|table| table.elements.tenants.contains_key(&uid.get()));
    search.note("element of the packet filter", uid.to_string(), element);
    Ok(search)
}

fn of_site(host: &dyn Host, site: &SiteSpec, search: &mut Search) -> Result<(), HostError> {
    let block = format!("{}/{}", layout::SITES_DIR, crate::nginx::block::file_name(site));
    let found = host.entry(&block)?.is_some();
    search.note("server block", block, found);
    for name in site.hosts().map(layout::host_file) {
        for (what, path) in [
            ("site", format!("{}/{name}", layout::HOST_TREE)),
            ("link to the PHP socket", format!("{}/{name}.sock", layout::PHP_HOST_DIR)),
            ("link to logs", format!("{}/{name}", layout::LOG_TREE)),
            ("mark of a closed site", format!("{}/{name}", layout::CLOSED_HOSTS)),
            ("certificate", format!("{}/{name}.crt", layout::TLS_DIR)),
            ("private key", format!("{}/{name}.key", layout::TLS_DIR)),
        ] {
            let found = host.entry(&path)?.is_some();
            search.note(what, path, found);
        }
    }
    Ok(())
}
