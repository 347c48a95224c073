//! What `webspace` and `site` share: both show domains of accounts.

use berth_core::Parse;
use berth_core::domain::DomainState;
use berth_core::name::Fqdn;
use berth_core::role::UserRef;

use super::echoed;
use crate::app::{self, Ctx, SiteRef, SiteView};
use crate::plesk::fault::{Fault, MISSING};
use crate::plesk::reply::{Node, error, leaf, node, ok};
use crate::plesk::schema::{Order, Sequence, number, text, unexpected};
use crate::plesk::xml::Element;

/// One rule of a filter.
#[derive(Debug)]
enum Rule {
    Site(SiteRule),
    Owner(OwnerRule),
    Webspace(SiteRule),
}

#[derive(Debug)]
enum SiteRule {
    Id(i64),
    Name(String),
    Guid(String),
}

#[derive(Debug)]
enum OwnerRule {
    Id(i64),
    Login(String),
}

/// A filter; without rules it means all.
#[derive(Debug)]
pub(super) struct Filter(Vec<Rule>);

const RULES: &[&str] = &[
    "id",
    "name",
    "guid",
    "owner-id",
    "owner-login",
    "webspace-id",
    "webspace-name",
    "parent-id",
    "parent-name",
    "parent-site-id",
    "parent-site-name",
];

impl Filter {
    /// Reads rules of one kind.
    pub(super) fn read(element: &Element) -> Result<Self, Fault> {
        let mut sequence = Sequence::new(element, Order::Strict)?;
        let Some(first) = sequence.any() else { return Ok(Self(Vec::new())) };
        let Some(kind) = RULES.iter().find(|kind| **kind == first.name) else {
            return Err(unexpected(first, RULES));
        };
        let more = sequence.repeated(kind);
        let rules = std::iter::once(first).chain(more).map(rule).collect::<Result<_, _>>()?;
        sequence.finish()?;
        Ok(Self(rules))
    }
}

fn rule(element: &Element) -> Result<Rule, Fault> {
    Ok(match element.name.as_str() {
        "id" => Rule::Site(SiteRule::Id(number(element)?)),
        "name" => Rule::Site(SiteRule::Name(text(element)?)),
        "guid" => Rule::Site(SiteRule::Guid(text(element)?)),
        "owner-id" => Rule::Owner(OwnerRule::Id(number(element)?)),
        "owner-login" => Rule::Owner(OwnerRule::Login(text(element)?)),
        "webspace-id" | "parent-id" | "parent-site-id" => Rule::Webspace(SiteRule::Id(number(element)?)),
        _ => Rule::Webspace(SiteRule::Name(text(element)?)),
    })
}

/// Which sites an operator shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// The first site of each account.
    Webspaces,
    /// All.
    Sites,
}

/// `get` of both operators.
#[derive(Debug)]
pub(in crate::plesk) struct Get {
    filter: Filter,
    gen_info: bool,
    hosting: bool,
}

impl Get {
    pub(super) fn read(element: &Element, order: Order) -> Result<Self, Fault> {
        let mut sequence = Sequence::new(element, order)?;
        let filter = Filter::read(sequence.required("filter")?)?;
        let dataset = sequence.required("dataset")?;
        sequence.finish()?;
        let has = |name: &str| dataset.children.iter().any(|child| child.name == name);
        Ok(Self { filter, gen_info: has("gen_info"), hosting: has("hosting") || has("hosting-basic") })
    }

    pub(super) async fn run(&self, ctx: &Ctx, shown: Shown) -> Vec<Node> {
        let mut results = Vec::new();
        if self.filter.0.is_empty() {
            return match everything(ctx).await {
                Ok(sites) => {
                    let wanted = sites.iter().filter(|site| shown == Shown::Sites || site.primary);
                    wanted.map(|site| self.result(site, None)).collect()
                }
                Err(fault) => vec![error(&fault, Vec::new())],
            };
        }
        for rule in &self.filter.0 {
            let filter_id = rule.shown();
            match rule.find(ctx, shown).await {
                Ok(sites) if sites.is_empty() => results.push(ok(vec![leaf("filter-id", filter_id)])),
                Ok(sites) => results.extend(sites.iter().map(|site| self.result(site, Some(&filter_id)))),
                Err(fault) => results.push(error(&fault, vec![leaf("filter-id", filter_id)])),
            }
        }
        results
    }

    fn result(&self, site: &SiteView, filter_id: Option<&str>) -> Node {
        let mut data = Vec::new();
        if self.gen_info {
            data.push(gen_info(site));
        }
        if self.hosting {
            let property =
                |name, value: &str| node("property", vec![leaf("name", name), leaf("value", value)]);
            let vrt_hst = vec![property("ftp_login", &site.username), property("php", "true")];
            data.push(node("hosting", vec![node("vrt_hst", vrt_hst)]));
        }
        let filter_id = filter_id.map(|text| leaf("filter-id", text));
        let filter_id = filter_id.unwrap_or_else(|| leaf("filter-id", site.number));
        ok(vec![filter_id, leaf("id", site.number), node("data", data)])
    }
}

fn gen_info(site: &SiteView) -> Node {
    let status = if site.state == DomainState::Active { 0 } else { 4 };
    let mut nodes = vec![
        leaf("cr_date", site.created_at.format("%Y-%m-%d")),
        leaf("name", &site.domain),
        leaf("ascii-name", &site.domain),
        leaf("status", status),
        leaf("htype", "vrt_hst"),
        leaf("guid", site.id),
    ];
    if site.primary {
        nodes.insert(3, leaf("owner-id", site.owner_number));
        nodes.insert(4, leaf("owner-login", &site.owner_login));
    } else {
        nodes.push(leaf("webspace-id", site.webspace));
        nodes.push(leaf("webspace-name", &site.webspace_name));
    }
    node("gen_info", nodes)
}

impl Rule {
    fn shown(&self) -> String {
        match self {
            Self::Site(SiteRule::Id(id))
            | Self::Webspace(SiteRule::Id(id))
            | Self::Owner(OwnerRule::Id(id)) => id.to_string(),
            Self::Site(SiteRule::Name(name) | SiteRule::Guid(name))
            | Self::Webspace(SiteRule::Name(name) | SiteRule::Guid(name))
            | Self::Owner(OwnerRule::Login(name)) => echoed(name),
        }
    }

    async fn find(&self, ctx: &Ctx, shown: Shown) -> Result<Vec<SiteView>, Fault> {
        match self {
            Self::Site(rule) => {
                let site = one(ctx, rule).await?;
                if shown == Shown::Webspaces && !site.primary {
                    return Err(no_site());
                }
                Ok(vec![site])
            }
            Self::Webspace(rule) => {
                let webspace = one(ctx, rule).await?;
                let mut sites = app::list_sites(ctx, &UserRef::Id(webspace.owner)).await?;
                sites.retain(|site| !site.primary && site.webspace == webspace.number);
                Ok(sites)
            }
            Self::Owner(rule) => {
                let owner = match rule {
                    OwnerRule::Id(number) => {
                        let id = app::user_of_number(ctx, *number).await?;
                        UserRef::Id(id.ok_or_else(no_owner)?)
                    }
                    OwnerRule::Login(login) => UserRef::parse(login).map_err(|_| no_owner())?,
                };
                let mut sites = app::list_sites(ctx, &owner).await?;
                sites.retain(|site| shown == Shown::Sites || site.primary);
                Ok(sites)
            }
        }
    }
}

async fn one(ctx: &Ctx, rule: &SiteRule) -> Result<SiteView, Fault> {
    let found = match rule {
        SiteRule::Id(number) => app::show_site(ctx, &SiteRef::Number(*number)).await,
        SiteRule::Name(name) => {
            let fqdn = Fqdn::parse(name).map_err(|_| no_site())?;
            app::show_site(ctx, &SiteRef::Name(fqdn)).await
        }
        SiteRule::Guid(guid) => {
            let all = everything(ctx).await?;
            return all.into_iter().find(|site| site.id.to_string() == *guid).ok_or_else(no_site);
        }
    };
    found.map_err(|problems| {
        let fault = Fault::from(problems);
        if fault.code == crate::plesk::fault::NO_OWNER { no_site() } else { fault }
    })
}

fn no_site() -> Fault {
    Fault::new(MISSING, "Domain does not exist")
}

fn no_owner() -> Fault {
    Fault::new(crate::plesk::fault::NO_OWNER, "The owner does not exist")
}

/// Every site that the caller may see.
pub(super) async fn everything(ctx: &Ctx) -> Result<Vec<SiteView>, Fault> {
    let mut all = Vec::new();
    for user in super::customer::everybody(ctx, super::customer::first_page()).await? {
        if user.account.is_some() {
            all.extend(app::list_sites(ctx, &UserRef::Id(user.id)).await?);
        }
    }
    Ok(all)
}
