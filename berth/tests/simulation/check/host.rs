use std::collections::{BTreeMap, BTreeSet};

use berth_agent::egress::Tenant;
use berth_agent::host::quota::QuotaLimits;
use berth_agent::host::tree::TreeHost;
use berth_agent::host::{Acl, Attributes, Entry, Host, Kind, Owner};
use berth_core::account::{UID_RANGE, Uid};
use berth_core::domain::HttpsRedirect;
use berth_core::layout;
use berth_core::package::{Bound, TimerMode};
use berth_core::spec::{AccountSpec, SiteSpec, WebUserSpec};

use super::must;
use crate::world::Wrong;

/// Numbers that a fresh tree gives to the users that the package makes.
const WEB: u32 = 990;
const TLS: u32 = 991;
const LOG: u32 = 993;

/// Every account has on the host what its spec says, and nothing is there that no account has.
pub(super) fn check(host: &TreeHost, specs: &[AccountSpec]) -> Result<(), Wrong> {
    account_files(host, specs)?;
    for spec in specs {
        home(host, spec)?;
        lingering(host, spec)?;
        quota(host, spec)?;
    }
    let names = |of: &dyn Fn(&AccountSpec) -> Option<String>| specs.iter().filter_map(of).collect();
    let homes: BTreeSet<String> = names(&|spec| Some(spec.username.to_string()));
    only(host, layout::HOME_ROOT, &homes, |name| {
        [".berth-quarantine", ".berth-web-users"].contains(&name) || name.starts_with("left")
    })?;
    web_users(host, specs)?;
    keys(host, specs)?;
    timers(host, specs)?;
    let uids: Vec<_> = specs.iter().filter(|spec| with_php(spec)).flat_map(uids).collect();
    only(host, layout::PHP_CONFIG_DIR, &uids.iter().map(|uid| format!("{uid}.conf")).collect(), nothing)?;
    let sockets: BTreeSet<String> = uids.iter().map(|uid| format!("{uid}.sock")).collect();
    only(host, layout::PHP_SOCKET_DIR, &sockets, nothing)?;
    for socket in &sockets {
        let path = format!("{}/{socket}", layout::PHP_SOCKET_DIR);
        let found = entry(host, &path)?;
        must(found.kind == Kind::Socket, || format!("{path} is no socket"))?;
        let wanted = Attributes::plain(Owner::root_with(WEB), 0o660);
        must(found.attributes == wanted, || format!("{path}: {:?}", found.attributes))?;
    }
    sites(host, specs)?;
    egress(host, specs)?;
    let nginx = host.systemd().unit_state("nginx.service").unwrap();
    must(nginx.as_deref() == Some("active"), || format!("nginx is {nginx:?}"))
}

fn with_php(spec: &AccountSpec) -> bool {
    spec.bounds.php_children != Bound::Max(0)
}

/// The numbers of an account and of its web users.
fn uids(spec: &AccountSpec) -> Vec<Uid> {
    std::iter::once(spec.uid).chain(spec.web_users.iter().map(|user| user.uid)).collect()
}

/// Each web user has a jail with pages in it and links that lead there, and nobody else has.
fn web_users(host: &TreeHost, specs: &[AccountSpec]) -> Result<(), Wrong> {
    let (mut dirs, mut links_wanted) = (BTreeSet::new(), BTreeMap::new());
    for spec in specs.iter().filter(|spec| !spec.web_users.is_empty()) {
        dirs.insert(spec.uid.to_string());
        let jails = spec.web_users.iter().map(|user| user.uid.to_string()).collect();
        only(host, &layout::web_users_dir(spec.uid), &jails, nothing)?;
        for user in &spec.web_users {
            let home = layout::web_user_home(spec.uid, user.uid);
            let mut wanted = Attributes::plain(Owner::root_with(user.uid.get()), 0o750);
            wanted.acl = Acl::passage([WEB]);
            let found = entry(host, &home)?;
            must(found.attributes == wanted, || format!("{home}: {:?}", found.attributes))?;
            let pages = entry(host, &format!("{home}/public_html"))?;
            must(pages.attributes.owner == Owner::tenant(user.uid.get()), || format!("{home}/public_html"))?;
            let site = spec.sites.iter().find(|site| site.domain == user.domain);
            for name in site.into_iter().flat_map(SiteSpec::hosts).filter(|name| name.as_str().len() <= 80) {
                links_wanted.insert(format!("{name}~{}", user.login), home.clone());
            }
        }
    }
    if host.entry(layout::WEB_USERS_ROOT).unwrap().is_none() {
        return must(dirs.is_empty(), || "no web user has a home".to_owned());
    }
    only(host, layout::WEB_USERS_ROOT, &dirs, nothing)?;
    links(host, layout::WEB_USER_TREE, &links_wanted)
}

fn nothing(_: &str) -> bool {
    false
}

fn entry(host: &TreeHost, path: &str) -> Result<Entry, Wrong> {
    host.entry(path).unwrap().ok_or_else(|| format!("{path} is missing"))
}

fn text(host: &TreeHost, path: &str) -> Result<String, Wrong> {
    let bytes = host.read(path).unwrap().ok_or_else(|| format!("{path} is missing"))?;
    String::from_utf8(bytes).map_err(|_| format!("{path} is no text"))
}

/// A directory holds these names and no others but those that may be there.
fn only(
    host: &TreeHost,
    dir: &str,
    wanted: &BTreeSet<String>,
    may: impl Fn(&str) -> bool,
) -> Result<(), Wrong> {
    let found: BTreeSet<String> = host.list(dir).unwrap().into_iter().collect();
    if let Some(missing) = wanted.difference(&found).next() {
        return Err(format!("{dir}/{missing} is missing"));
    }
    let left = found.difference(wanted).find(|name| !may(name));
    left.map_or(Ok(()), |name| Err(format!("{dir}/{name} belongs to nobody")))
}

fn account_files(host: &TreeHost, specs: &[AccountSpec]) -> Result<(), Wrong> {
    let ours: BTreeMap<&str, &AccountSpec> =
        specs.iter().map(|spec| (spec.username.as_str(), spec)).collect();
    let of = |spec: &'_ AccountSpec| -> Vec<_> { spec.web_users.clone() };
    let all: Vec<_> =
        specs.iter().flat_map(|spec| of(spec).into_iter().map(move |user| (spec, user))).collect();
    let web_users: BTreeMap<&str, (&AccountSpec, &WebUserSpec)> =
        all.iter().map(|(spec, user)| (user.login.as_str(), (*spec, user))).collect();
    for (path, number) in
        [("/etc/passwd", Some(2)), ("/etc/group", Some(2)), ("/etc/shadow", None), ("/etc/gshadow", None)]
    {
        let content = text(host, path)?;
        let mut seen = BTreeSet::new();
        let mut seen_web = BTreeSet::new();
        for line in content.lines() {
            let fields: Vec<&str> = line.split(':').collect();
            let spec = ours.get(fields[0]);
            if let Some((spec, user)) = web_users.get(fields[0]) {
                must(seen_web.insert(fields[0]), || format!("{path}: {} is there twice", fields[0]))?;
                if let Some(index) = number {
                    must(fields[index] == user.uid.to_string(), || format!("{path}: {line}"))?;
                }
                let sound = match path {
                    "/etc/passwd" => fields[5] == layout::web_user_home(spec.uid, user.uid),
                    "/etc/shadow" => fields[1] == if spec.sftp.enabled { "$6$salt$hash" } else { "!" },
                    _ => true,
                };
                must(sound, || format!("{path}: {line}"))?;
                continue;
            }
            if let Some(index) = number {
                let number: u32 = fields[index].parse().map_err(|_| format!("{path}: {line}"))?;
                let fits = match spec {
                    Some(spec) => spec.uid.get() == number,
                    None => !UID_RANGE.contains(&number),
                };
                must(fits, || format!("{path}: `{line}` belongs to nobody, or has another number"))?;
            } else {
                let foreign =
                    ["root", "berth-web", "berth-tls", "berth-log", "berth-sftp", "berth-webuser", "foreign"];
                must(spec.is_some() || foreign.contains(&fields[0]), || {
                    format!("{path}: `{line}` belongs to nobody")
                })?;
            }
            if spec.is_some() {
                must(seen.insert(fields[0]), || format!("{path}: {} is there twice", fields[0]))?;
            }
            match (path, spec) {
                ("/etc/passwd", Some(spec)) => {
                    let sound = fields[5] == layout::home(&spec.username)
                        && fields[6] == "/usr/sbin/nologin"
                        && fields[3] == fields[2]
                        && fields.len() == 7;
                    must(sound, || format!("{path}: {line}"))?;
                }
                ("/etc/shadow", Some(_)) => must(fields[1] == "!", || format!("{path}: {line}"))?,
                _ => {}
            }
        }
        must(seen_web.len() == web_users.len(), || format!("{path} has {} web users", seen_web.len()))?;
        must(seen.len() == ours.len(), || format!("{path} has {} of {} accounts", seen.len(), ours.len()))?;
    }
    let groups = text(host, "/etc/group")?;
    for (group, wanted) in [
        ("berth-sftp", ours.keys().copied().collect()),
        ("berth-webuser", web_users.keys().copied().collect()),
        ("berth-web", BTreeSet::new()),
    ] {
        let line = groups.lines().find(|line| line.starts_with(&format!("{group}:")));
        let line = line.ok_or_else(|| format!("the group {group} is missing"))?;
        let members: BTreeSet<&str> =
            line.rsplit(':').next().unwrap_or_default().split(',').filter(|name| !name.is_empty()).collect();
        must(members == wanted, || format!("/etc/group: {line}"))?;
    }
    let foreign = "foreign:x:1000:1000:Somebody:/home/foreign:/bin/bash";
    must(text(host, "/etc/passwd")?.lines().any(|line| line == foreign), || {
        "somebody else's entry in /etc/passwd has changed".to_owned()
    })
}

fn home(host: &TreeHost, spec: &AccountSpec) -> Result<(), Wrong> {
    let uid = spec.uid.get();
    let exactly = |path: &str, wanted: &Attributes| {
        let found = entry(host, path)?;
        must(found.is_dir() && found.attributes == *wanted, || format!("{path}: {:?}", found.attributes))
    };
    let home = layout::home(&spec.username);
    let mut wanted = Attributes::plain(Owner::root_with(uid), 0o750);
    wanted.acl = Acl::passage([WEB, LOG]);
    exactly(&home, &wanted)?;
    let passable = Attributes::plain(Owner::root_with(uid), 0o751);
    exactly(&format!("{home}/domains"), &passable)?;
    for site in &spec.sites {
        let dir = layout::site_dir(&spec.username, &site.fqdn);
        exactly(&dir, &passable)?;
        exactly(&format!("{dir}/logs"), &Attributes::plain(Owner { uid: LOG, gid: uid }, 0o2750))?;
        for name in ["public_html", "tmp", "private"] {
            let path = format!("{dir}/{name}");
            let found = entry(host, &path)?;
            let sound = found.is_dir() && found.attributes.owner == Owner::tenant(uid);
            must(sound, || format!("{path}: {:?}", found.attributes))?;
        }
    }
    Ok(())
}

fn keys(host: &TreeHost, specs: &[AccountSpec]) -> Result<(), Wrong> {
    let mut wanted = BTreeSet::new();
    for spec in specs.iter().filter(|spec| spec.sftp.enabled && !spec.sftp.keys.is_empty()) {
        wanted.insert(spec.username.to_string());
        let path = layout::keys_file(&spec.username);
        let content = text(host, &path)?;
        let found: BTreeSet<&str> = content.lines().filter(|line| !line.starts_with('#')).collect();
        let keys = spec.sftp.keys.iter().map(berth_core::ssh_key::SshPublicKey::authorized_line).collect();
        must(found == keys, || format!("{path} holds {found:?}"))?;
        let attributes = entry(host, &path)?.attributes;
        let right = Attributes::plain(Owner::root_with(spec.uid.get()), 0o640);
        must(attributes == right, || format!("{path}: {attributes:?}"))?;
    }
    only(host, layout::KEYS_DIR, &wanted, nothing)
}

/// The packet filter holds exactly what the specs say, and nothing for anybody else.
fn egress(host: &TreeHost, specs: &[AccountSpec]) -> Result<(), Wrong> {
    let Some(table) = host.firewall().table().unwrap() else {
        return must(specs.is_empty(), || "the packet filter has no table".to_owned());
    };
    let wanted: BTreeMap<u32, Tenant> =
        specs.iter().map(|spec| (spec.uid.get(), Tenant::from(&spec.egress))).collect();
    must(table.elements.tenants == wanted, || format!("the packet filter holds {:?}", table.elements.tenants))
}

fn lingering(host: &TreeHost, spec: &AccountSpec) -> Result<(), Wrong> {
    let wanted = spec.timers == TimerMode::Always;
    let there = host.entry(&format!("/var/lib/systemd/linger/{}", spec.username)).unwrap().is_some();
    must(there == wanted, || format!("{} lingers: {there}", spec.username))?;
    let unit = format!("user@{}.service", spec.uid);
    let state = host.systemd().unit_state(&unit).unwrap();
    must(!wanted || state.as_deref() == Some("active"), || format!("{unit} is {state:?}"))
}

/// Who has timers has a file for each, and units where a user manager fires them; nobody else has any.
fn timers(host: &TreeHost, specs: &[AccountSpec]) -> Result<(), Wrong> {
    let mut dirs = BTreeSet::new();
    for spec in specs {
        let always = spec.timers == TimerMode::Always;
        let mut wanted: BTreeSet<String> =
            spec.timer_list.iter().map(|timer| format!("{}.json", timer.name)).collect();
        if always {
            wanted.insert("berth-timers.target".to_owned());
            let enabled = spec.timer_list.iter().filter(|timer| timer.enabled);
            wanted.extend(enabled.map(|timer| layout::user_timer(&timer.name)));
        }
        if wanted.is_empty() {
            continue;
        }
        dirs.insert(spec.uid.to_string());
        let dir = layout::timers_dir(spec.uid);
        only(host, &dir, &wanted, nothing)?;
        for timer in &spec.timer_list {
            let text = host.read(&layout::timer_job(spec.uid, &timer.name)).unwrap().unwrap_or_default();
            let job: berth_core::timer::TimerJob = serde_json::from_slice(&text).unwrap();
            must(job.command == timer.command, || format!("{dir}: another command of {}", timer.name))?;
        }
    }
    only(host, layout::TIMERS_DIR, &dirs, nothing)
}

fn quota(host: &TreeHost, spec: &AccountSpec) -> Result<(), Wrong> {
    let most = |bound| match bound {
        Bound::Unlimited => None,
        Bound::Max(max) => Some(max),
    };
    let wanted = QuotaLimits {
        bytes: most(spec.bounds.disk_mb).map(|mb| mb * 1024 * 1024),
        inodes: most(spec.bounds.inodes),
    };
    let found = host.fake_quotas().limits(spec.uid.get());
    must(found == Some(wanted), || format!("the quota of {} is {found:?}", spec.username))
}

/// Links, server blocks and certificates: each host name leads to its site and no other.
fn sites(host: &TreeHost, specs: &[AccountSpec]) -> Result<(), Wrong> {
    let mut trees = BTreeMap::new();
    let mut https = BTreeMap::new();
    let mut sockets = BTreeMap::new();
    let mut logs = BTreeMap::new();
    let mut blocks = BTreeSet::new();
    for spec in specs {
        for site in &spec.sites {
            let standard = is_standard(site);
            for (index, name) in site.hosts().enumerate() {
                let file = layout::host_file(name);
                if standard && site.https_redirect == HttpsRedirect::On {
                    https.insert(file.clone(), layout::site_dir(&spec.username, &site.fqdn));
                }
                if standard {
                    trees.insert(file.clone(), layout::site_dir(&spec.username, &site.fqdn));
                }
                if standard || index == 0 {
                    sockets.insert(format!("{file}.sock"), layout::php_socket(spec.uid));
                }
                certificate(host, &file)?;
                logs.insert(file, layout::site_logs(&spec.username, &site.fqdn));
            }
            if !standard {
                blocks.insert(format!("{}.conf", layout::host_file(&site.fqdn)));
                let path = format!("{}/{}.conf", layout::SITES_DIR, layout::host_file(&site.fqdn));
                let content = text(host, &path)?;
                let root = format!("{}/{}", layout::site_dir(&spec.username, &site.fqdn), site.docroot);
                must(content.contains(&root), || format!("{path} does not serve {root}"))?;
            }
        }
    }
    links(host, layout::HOST_TREE, &trees)?;
    links(host, layout::HTTPS_DIR, &https)?;
    // Certificates go with their names.
    let of_names = logs.keys().flat_map(|name| [format!("{name}.crt"), format!("{name}.key")]).collect();
    only(host, layout::TLS_DIR, &of_names, |name| name.starts_with("_default."))?;
    for spec in specs.iter().filter(|spec| with_php(spec)) {
        for user in &spec.web_users {
            sockets.insert(format!("~{}.sock", user.login), layout::php_socket(user.uid));
        }
    }
    links(host, layout::PHP_HOST_DIR, &sockets)?;
    links(host, layout::LOG_TREE, &logs)?;
    only(host, layout::SITES_DIR, &blocks, nothing)?;
    certificate(host, "_default")
}

/// The same question as the agent asks, answered again.
fn is_standard(site: &SiteSpec) -> bool {
    site.docroot.as_str() == "public_html" && site.hosts().all(|host| host.as_str().len() <= 80)
}

fn links(host: &TreeHost, dir: &str, wanted: &BTreeMap<String, String>) -> Result<(), Wrong> {
    only(host, dir, &wanted.keys().cloned().collect(), nothing)?;
    for (name, target) in wanted {
        let found = entry(host, &format!("{dir}/{name}"))?.kind;
        must(found == Kind::Link(target.clone()), || format!("{dir}/{name} is {found:?}"))?;
    }
    Ok(())
}

fn certificate(host: &TreeHost, file: &str) -> Result<(), Wrong> {
    let path = format!("{}/{file}", layout::TLS_DIR);
    let certificate = text(host, &format!("{path}.crt"))?;
    must(certificate.starts_with("-----BEGIN CERTIFICATE"), || format!("{path}.crt is none"))?;
    let key = entry(host, &format!("{path}.key"))?;
    let wanted = Attributes::plain(Owner { uid: TLS, gid: WEB }, 0o640);
    must(key.attributes == wanted, || format!("{path}.key: {:?}", key.attributes))
}
