//! Web users: a jail, a quota and pages for each, outside of the account's home, where everything on the way
//! belongs to root.

use std::collections::BTreeMap;

use berth_core::account::Uid;
use berth_core::condition::Resource;
use berth_core::package::Bound;
use berth_core::spec::{AccountSpec, SiteSpec, WebUserSpec};
use berth_core::standing::Standing;
use berth_core::{Code, Problem, layout};
use sha2::{Digest, Sha256};

use super::account::{self, field, lines};
use super::{AccountResource, Context, Converged, Failure, Observed};
use crate::host::quota::{QuotaLimits, Reading};
use crate::host::{Acl, Attributes, Owner};
use crate::ledger::Marks;
use crate::nginx::host_tree::Links;
use crate::nginx::server::make_dir;
use crate::php::{Activator, PoolState, Tenant, pool};

/// The note of the passwords for which no session has to be ended any more.
const MARK: &str = "web_users";
/// What sessions of the SSH server are called by the login manager.
const SERVICE: &str = "sshd";
/// Bytes of a MiB.
const MIB: u64 = 1 << 20;

/// Web users of accounts.
pub struct WebUsers {
    activator: Activator,
    pages: Links,
    sockets: Links,
}

impl WebUsers {
    /// Web users whose PHP the activator starts.
    pub fn new(activator: Activator) -> Self {
        Self { activator, pages: Links::web_users(), sockets: Links::web_user_sockets() }
    }
}

impl AccountResource for WebUsers {
    fn resource(&self) -> Resource {
        Resource::WebUsers
    }

    fn needs(&self) -> &'static [Resource] {
        &[Resource::Account, Resource::Home]
    }

    fn converge(&self, context: &Context<'_>, spec: &AccountSpec, marks: &mut Marks) -> Converged {
        let dir = layout::web_users_dir(spec.uid);
        let users: &[WebUserSpec] =
            if spec.standing == Standing::Purged { &[] } else { spec.web_users.as_slice() };
        if spec.standing == Standing::Purged {
            account::remove_web_users(context, spec)?;
        }
        if users.is_empty() && context.host.entry(&dir)?.is_none() {
            return Ok(Observed::new().with("users", Vec::<String>::new()));
        }
        self.remove_others(context, spec, users, &dir)?;
        Self::end_sessions(context, spec, users, marks)?;
        if users.is_empty() {
            context.host.remove_dir(&dir)?;
            return Ok(Observed::new().with("users", Vec::<String>::new()));
        }
        let passable = Attributes::plain(Owner::ROOT, 0o711);
        for dir in [layout::WEB_USERS_ROOT, dir.as_str()] {
            demand(context, dir, &passable)?;
        }
        for dir in
            [layout::WEB_USER_TREE, layout::PHP_HOST_DIR, layout::PHP_SOCKET_DIR, layout::PHP_CONFIG_DIR]
        {
            make_dir(context.host, dir)?;
        }
        let mut limited = true;
        for user in users {
            limited &= converge_files(context, spec, user)?;
            self.converge_php(context, spec, user)?;
        }
        let open = spec.standing.is_open();
        let pages = if open { page_links(spec) } else { BTreeMap::new() };
        let of = spec.uid.to_string();
        self.pages.make(context.host, &of, &pages)?;
        self.pages.prune(context.host, &of, &pages)?;
        observe(context, spec, users, limited)
    }
}

impl WebUsers {
    /// Takes away everything of web users that the account has no longer.
    fn remove_others(
        &self,
        context: &Context<'_>,
        spec: &AccountSpec,
        users: &[WebUserSpec],
        dir: &str,
    ) -> Result<(), Failure> {
        let host = context.host;
        let pages = if users.is_empty() { BTreeMap::new() } else { page_links(spec) };
        for name in host.list(dir)? {
            let uid = name.parse().ok().and_then(|number: u32| Uid::try_from(number).ok());
            let Some(uid) = uid.filter(|uid| !users.iter().any(|user| user.uid == *uid)) else { continue };
            // From the outside in: nobody reaches it any more, nothing of it runs, nothing is left.
            self.pages.prune(host, &spec.uid.to_string(), &pages)?;
            host.systemd().end_sessions(uid.get(), SERVICE)?;
            host.systemd().kill_slice(&layout::slice(uid))?;
            self.stop_php(context, uid)?;
            let home = layout::web_user_home(spec.uid, uid);
            if let Ok(Reading::Kept(kept)) = host.quotas().quota(&home, uid.get())
                && kept.limits.is_some_and(|limits| limits != QuotaLimits::default())
            {
                host.quotas().set_quota(&home, uid.get(), QuotaLimits::default())?;
            }
            host.remove_tree(&home)?;
        }
        Ok(())
    }

    /// Ends what was opened with a password that does not open it any more.
    fn end_sessions(
        context: &Context<'_>,
        spec: &AccountSpec,
        users: &[WebUserSpec],
        marks: &mut Marks,
    ) -> Result<(), Failure> {
        let open = spec.standing.is_open() && spec.sftp.enabled;
        let line = |user: &WebUserSpec| {
            let hash = user.password.as_ref().filter(|_| open).map(berth_core::web_user::CryptHash::as_str);
            let print = hex::encode(Sha256::digest(hash.unwrap_or_default().as_bytes()));
            format!("{} {print}\n", user.uid)
        };
        let now: String = users.iter().map(line).collect();
        let Some(former) = marks.get(MARK).map(str::to_owned) else {
            marks.set(MARK, now);
            return Ok(());
        };
        if former == now {
            return Ok(());
        }
        for user in users {
            let prefix = format!("{} ", user.uid);
            let was = former.lines().find(|found| found.starts_with(&prefix));
            if was.is_some_and(|was| was != line(user).trim_end()) {
                context.host.systemd().end_sessions(user.uid.get(), SERVICE)?;
            }
        }
        marks.set(MARK, now);
        Ok(())
    }

    fn converge_php(
        &self,
        context: &Context<'_>,
        spec: &AccountSpec,
        user: &WebUserSpec,
    ) -> Result<(), Failure> {
        let on = user.php && spec.standing.is_open() && pool::children(spec).is_some();
        if !on {
            return self.stop_php(context, user.uid);
        }
        let host = context.host;
        let config = layout::php_config(user.uid);
        let text = pool::render_web_user(spec, user);
        let found = host.read(&config)?;
        let wanted = Attributes::plain(Owner::root_with(user.uid.get()), 0o640);
        let owned = host.entry(&config)?.is_some_and(|entry| entry.attributes == wanted);
        let same = found.as_deref() == Some(text.as_bytes());
        if !same || !owned {
            host.replace_file(&config, text.as_bytes(), wanted.owner, wanted.mode)?;
        }
        let tenant = Tenant::web_user(user.uid, &user.login, spec.uid);
        let state = self.activator.ensure(&tenant, context.ids.web_gid)?;
        if !same && found.is_some() {
            self.activator.restart(user.uid);
        }
        let link = BTreeMap::from([(layout::web_user_socket(&user.login), layout::php_socket(user.uid))]);
        self.sockets.make(host, &user.uid.to_string(), &link)?;
        match state {
            PoolState::Idle | PoolState::Running => Ok(()),
            PoolState::Failing(problem) => {
                let detail = format!("PHP of the web user {} fails: {problem}", user.login);
                Err(Failure::new(Code::PhpFailed, detail))
            }
        }
    }

    fn stop_php(&self, context: &Context<'_>, uid: Uid) -> Result<(), Failure> {
        let host = context.host;
        let config = layout::php_config(uid);
        let socket = layout::php_socket(uid);
        if host.entry(&config)?.is_none() && host.entry(&socket)?.is_none() {
            return Ok(());
        }
        self.sockets.prune(host, &uid.to_string(), &BTreeMap::new())?;
        self.activator.dispose(uid)?;
        host.remove_file(&config)?;
        Ok(())
    }
}

/// The links under which pages of web users are found: each host of the site with each login.
fn page_links(spec: &AccountSpec) -> BTreeMap<String, String> {
    let mut links = BTreeMap::new();
    for user in &spec.web_users {
        let home = layout::web_user_home(spec.uid, user.uid);
        let site = spec.sites.iter().find(|site| site.domain == user.domain);
        for host in site.into_iter().flat_map(SiteSpec::hosts) {
            // The web server knows longer names by a hash only.
            if host.as_str().len() <= layout::HOST_TREE_MAX {
                links.insert(layout::web_user_link(host, &user.login), home.clone());
            }
        }
    }
    links
}

/// Jail, directory of the pages, and quota; says whether there is one.
fn converge_files(context: &Context<'_>, spec: &AccountSpec, user: &WebUserSpec) -> Result<bool, Failure> {
    let host = context.host;
    let home = layout::web_user_home(spec.uid, user.uid);
    let uid = user.uid.get();
    let mut jail = Attributes::plain(Owner::root_with(uid), 0o750);
    jail.acl = Acl::passage([context.ids.web_uid]);
    match host.entry(&home)? {
        None => host.make_volume(&home, &jail)?,
        Some(found) if found.is_dir() && found.attributes == jail => {}
        Some(_) => host.set_attributes(&home, &jail)?,
    }
    let pages = format!("{home}/public_html");
    let own = Owner::tenant(uid);
    match host.entry(&pages)? {
        None => host.make_dir(&pages, &Attributes::plain(own, 0o755), &[])?,
        Some(found) if found.is_dir() && found.attributes.owner == own => {}
        Some(_) => {
            return Err(Failure::new(
                Code::HostFailed,
                format!("{pages} is not a directory of {}", user.login),
            ));
        }
    }
    let most = match spec.bounds.disk_mb {
        Bound::Unlimited => None,
        Bound::Max(max) => max.checked_mul(MIB),
    };
    let own = user.quota.map(berth_core::web_user::WebUserQuota::bytes);
    // Zero is no limit to the kernel; the least is one block.
    let bytes = own.into_iter().chain(most).min().map(|bytes| bytes.max(1024));
    let inodes = match spec.bounds.inodes {
        Bound::Unlimited => None,
        Bound::Max(max) => Some(max.max(2)),
    };
    let limits = QuotaLimits { bytes, inodes };
    match host.quotas().quota(&home, uid)? {
        Reading::Lacking(_) => Ok(false),
        Reading::Kept(kept) if kept.agrees_with(limits) => Ok(true),
        Reading::Kept(_) => {
            host.quotas().set_quota(&home, uid, limits)?;
            Ok(true)
        }
    }
}

fn demand(context: &Context<'_>, path: &str, wanted: &Attributes) -> Result<(), Failure> {
    match context.host.entry(path)? {
        None => Ok(context.host.make_dir(path, wanted, &[])?),
        Some(found) if found.is_dir() && found.attributes == *wanted => Ok(()),
        Some(found) if found.is_dir() => Ok(context.host.set_attributes(path, wanted)?),
        Some(_) => Err(Failure::new(Code::HostFailed, format!("{path} is not a directory"))),
    }
}

/// What the host shows of each: the entry in the account files above all.
fn observe(context: &Context<'_>, spec: &AccountSpec, users: &[WebUserSpec], limited: bool) -> Converged {
    let passwd = context.host.read("/etc/passwd")?.unwrap_or_default();
    let mut names = Vec::new();
    for user in users {
        let home = layout::web_user_home(spec.uid, user.uid);
        let is_there = lines(&passwd).any(|line| {
            field(line, 0) == user.login.as_str().as_bytes()
                && field(line, 2) == user.uid.to_string().as_bytes()
                && field(line, 5) == home.as_bytes()
        });
        if !is_there {
            let detail = format!(
                "the node has an account or group of the name or number of the web user {}",
                user.login
            );
            return Err(Problem::new(Code::AccountForeign, detail)
                .hint("rename or remove it on the node, or delete the web user; the group berth-webuser has to be there")
                .into());
        }
        names.push(user.login.to_string());
    }
    if !limited {
        let detail = format!("the file system of {} keeps no quotas for web users", layout::WEB_USERS_ROOT);
        return Err(Failure::Unsupported(Problem::new(Code::QuotaUnsupported, detail)));
    }
    Ok(Observed::new().with("users", names).with("jails", layout::web_users_dir(spec.uid)))
}
