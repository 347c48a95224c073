//! The home and the directories of the sites.
//!
//! Every directory that a privileged process resolves belongs to root, so that a tenant can't put a link in
//! its place. The home lets nobody in but its group and, by its one ACL entry, the web server; below it plain
//! modes say the rest. Tenants' directories appear complete and with their owner, so nothing of root's ever
//! lies inside one.

mod sealed;

use berth_core::condition::Resource;
use berth_core::layout;
use berth_core::spec::{AccountSpec, SiteSpec};
use berth_core::{Code, Problem};

use super::{AccountResource, Context, Converged, Failure, Observed};
use crate::host::{Acl, Attributes, HostError, NewFile, Owner};
use crate::ledger::Marks;

/// What a new site shows.
const DEFAULT_PAGE: &str = include_str!("index.php");

/// The directory of a site's logs belongs to the process that writes them, and what it makes there belongs to
/// the tenant's group: the tenant reads, and can put nothing in the way.
const LOGS_MODE: u32 = 0o2750;

/// The note that a home was made by us.
const MARK: &str = "home";

/// Home and site directories.
pub struct Home;

impl AccountResource for Home {
    fn resource(&self) -> Resource {
        Resource::Home
    }

    fn converge(&self, context: &Context<'_>, spec: &AccountSpec, marks: &mut Marks) -> Converged {
        if spec.standing.is_sealed() {
            return sealed::converge(context, spec, marks);
        }
        let home = layout::home(&spec.username);
        let gid = spec.uid.get();
        sealed::bring_back(context, spec)?;
        converge_home(context, spec, &home, marks)?;
        let domains = format!("{home}/domains");
        demand(context, &domains, &passable(gid))?;
        for site in &spec.sites {
            converge_site(context, spec, site)?;
        }
        observe(context, spec, &home)
    }
}

fn converge_home(
    context: &Context<'_>,
    spec: &AccountSpec,
    home: &str,
    marks: &mut Marks,
) -> Result<(), Failure> {
    let gid = spec.uid.get();
    let mut wanted = Attributes::plain(Owner::root_with(gid), 0o750);
    wanted.acl = passage(context);
    match context.host.entry(home)? {
        None => context.host.make_volume(home, &wanted).map_err(without_acl)?,
        Some(found) if found.is_dir() && found.attributes == wanted => {}
        // The group's number is never used again, so a home with it can only be of this account.
        Some(found)
            if found.is_dir() && (found.attributes.owner == wanted.owner || marks.get(MARK).is_some()) =>
        {
            context.host.set_attributes(home, &wanted).map_err(without_acl)?;
        }
        Some(_) => {
            let detail = format!("{home} is left on the node and is not of this account");
            let hint = format!("move it aside with `berth home quarantine {}`", spec.username);
            return Err(Problem::new(Code::HomeExists, detail).hint(hint).into());
        }
    }
    if marks.get(MARK).is_none() {
        marks.set(MARK, "ours");
    }
    Ok(())
}

fn converge_site(context: &Context<'_>, spec: &AccountSpec, site: &SiteSpec) -> Result<(), Failure> {
    let uid = spec.uid.get();
    let dir = layout::site_dir(&spec.username, &site.fqdn);
    demand(context, &dir, &passable(uid))?;
    let logs = layout::site_logs(&spec.username, &site.fqdn);
    demand(context, &logs, &Attributes::plain(Owner { uid: context.ids.log_uid, gid: uid }, LOGS_MODE))?;
    let owner = Owner::tenant(uid);
    let page = NewFile { name: "index.php", bytes: DEFAULT_PAGE.as_bytes(), owner, mode: 0o644 };
    own(context, &format!("{dir}/public_html"), &Attributes::plain(owner, 0o755), &[page])?;
    for name in ["tmp", "private"] {
        own(context, &format!("{dir}/{name}"), &Attributes::plain(owner, 0o750), &[])?;
    }
    Ok(())
}

/// Who passes through a home beside its group: the web server, and whoever writes the logs of its sites.
fn passage(context: &Context<'_>) -> Acl {
    Acl::passage([context.ids.web_uid, context.ids.log_uid])
}

/// A directory of root's below the home that the web server has to pass, and may not list.
const fn passable(gid: u32) -> Attributes {
    Attributes::plain(Owner::root_with(gid), 0o751)
}

/// A directory of root's is exactly as it shall be.
fn demand(context: &Context<'_>, path: &str, wanted: &Attributes) -> Result<(), Failure> {
    match context.host.entry(path)? {
        None => Ok(context.host.make_dir(path, wanted, &[])?),
        Some(found) if !found.is_dir() => Err(in_the_way(path)),
        Some(found) if found.attributes == *wanted => Ok(()),
        Some(_) => Ok(context.host.set_attributes(path, wanted)?),
    }
}

/// A directory of the tenant's is there and the tenant's; its mode is the tenant's own affair.
fn own(context: &Context<'_>, path: &str, wanted: &Attributes, files: &[NewFile<'_>]) -> Result<(), Failure> {
    match context.host.entry(path)? {
        None => Ok(context.host.make_dir(path, wanted, files)?),
        Some(found) if !found.is_dir() => Err(in_the_way(path)),
        Some(found) if found.attributes.owner == wanted.owner => Ok(()),
        Some(_) => Ok(context.host.set_attributes(path, wanted)?),
    }
}

fn in_the_way(path: &str) -> Failure {
    Problem::new(Code::HostFailed, format!("{path} is not a directory"))
        .hint("move it away on the node; the directory is made again then")
        .into()
}

fn without_acl(error: HostError) -> Failure {
    if error.is(rustix::io::Errno::OPNOTSUPP) {
        let problem = Problem::new(Code::AclUnsupported, error.to_string())
            .hint("mount the file system of /home with the option `acl`; this heals by itself then");
        return Failure::Unsupported(problem);
    }
    error.into()
}

fn observe(context: &Context<'_>, spec: &AccountSpec, home: &str) -> Converged {
    let Some(found) = context.host.entry(home)? else {
        return Err(Failure::new(Code::HostFailed, format!("{home} has vanished")));
    };
    Ok(Observed::new()
        .with("path", home)
        .with("owner", found.attributes.owner.to_string())
        .with("mode", format!("{:04o}", found.attributes.mode))
        .with("web_server_may_pass", found.attributes.acl == passage(context))
        .with("sites", spec.sites.iter().map(|site| site.fqdn.to_string()).collect::<Vec<_>>()))
}
