//! Which web users an operation is about.

use berth_core::Parse;
use berth_core::name::Fqdn;
use berth_core::view::WebUserView;
use berth_core::web_user::{WebUserId, WebUserLogin};

use super::super::echoed;
use crate::app::{self, Ctx, SiteRef, WebUserRef};
use crate::plesk::fault::{Fault, MISSING, NO_OWNER};
use crate::plesk::reply::{Node, error, leaf, ok};
use crate::plesk::schema::{Order, Sequence, number, text, unexpected};
use crate::plesk::xml::Element;

/// One rule of a filter.
#[derive(Debug)]
enum Rule {
    Id(i64),
    Login(String),
    Site(Selector),
}

/// A site, by number or name.
#[derive(Debug)]
pub(super) enum Selector {
    Id(i64),
    Name(String),
}

impl Selector {
    /// Reads `site-id` or `site-name`.
    pub(super) fn read(element: &Element) -> Result<Self, Fault> {
        match element.name.as_str() {
            "site-id" => number(element).map(Self::Id),
            "site-name" => text(element).map(Self::Name),
            _ => Err(unexpected(element, &["site-id", "site-name"])),
        }
    }

    /// The optional selector at the end of an operation.
    pub(super) fn trailing(sequence: &mut Sequence<'_>) -> Result<Option<Self>, Fault> {
        let element = sequence.optional("site-id").or_else(|| sequence.optional("site-name"));
        element.map(Self::read).transpose()
    }

    /// The site, as verbs are told of it.
    pub(super) fn site(&self) -> Result<SiteRef, Fault> {
        match self {
            Self::Id(number) => Ok(SiteRef::Number(*number)),
            Self::Name(name) => {
                let fqdn = Fqdn::parse(name).map_err(|_| Fault::new(NO_OWNER, "Domain does not exist"))?;
                Ok(SiteRef::Name(fqdn))
            }
        }
    }

    /// The value as the client has sent it.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Id(number) => number.to_string(),
            Self::Name(name) => echoed(name),
        }
    }

    fn is_site_of(&self, user: &WebUserView) -> bool {
        match self {
            Self::Id(number) => user.site == *number,
            Self::Name(name) => Fqdn::parse(name).is_ok_and(|fqdn| fqdn == user.domain),
        }
    }
}

/// A filter, with the site that narrows it.
#[derive(Debug)]
pub(super) struct Filter {
    rules: Vec<Rule>,
    within: Option<Selector>,
}

/// What a rule has found.
pub(super) struct Found {
    filter_id: String,
    pub(super) outcome: Result<Vec<WebUserView>, Fault>,
    /// The id that was asked for, if one was.
    id: Option<i64>,
}

impl Filter {
    /// Reads a filter: at least one rule, all of one kind.
    pub(super) fn read(element: &Element) -> Result<Self, Fault> {
        const KINDS: &[&str] = &["id", "login", "site-id", "site-name"];
        let mut sequence = Sequence::new(element, Order::Strict)?;
        let Some(first) = sequence.any() else {
            let what = "Element 'filter': Missing child element(s). Expected is one of ( id, login, site-id, site-name ).";
            return Err(Fault::form(element.line, what));
        };
        let Some(kind) = KINDS.iter().find(|kind| **kind == first.name) else {
            return Err(unexpected(first, KINDS));
        };
        let more = sequence.repeated(kind);
        let rules = std::iter::once(first).chain(more).map(rule).collect::<Result<_, _>>()?;
        sequence.finish()?;
        Ok(Self { rules, within: None })
    }

    /// Narrows the filter to a site.
    pub(super) fn within(mut self, site: Option<Selector>) -> Self {
        self.within = site;
        self
    }

    /// Looks for the web users of each rule.
    pub(super) async fn find(&self, ctx: &Ctx) -> Vec<Found> {
        let mut all = Vec::with_capacity(self.rules.len());
        for rule in &self.rules {
            let (filter_id, id) = match rule {
                Rule::Id(id) => (id.to_string(), Some(*id)),
                Rule::Login(login) => (echoed(login), None),
                Rule::Site(site) => (site.shown(), None),
            };
            let outcome = self.users(ctx, rule).await;
            all.push(Found { filter_id, outcome, id });
        }
        all
    }

    async fn users(&self, ctx: &Ctx, rule: &Rule) -> Result<Vec<WebUserView>, Fault> {
        let missing = || Fault::new(MISSING, "Web user does not exist");
        let named = match rule {
            Rule::Site(site) => return Ok(app::list_web_users(ctx, &site.site()?).await?),
            Rule::Id(id) => WebUserRef::Number(WebUserId(*id)),
            Rule::Login(login) => WebUserRef::Login(WebUserLogin::parse(login).map_err(|_| missing())?),
        };
        let user = app::show_web_user(ctx, &named).await.map_err(|problems| {
            let fault = Fault::from(problems);
            if fault.code == MISSING { missing() } else { fault }
        })?;
        if self.within.as_ref().is_some_and(|site| !site.is_site_of(&user)) {
            return Err(missing());
        }
        Ok(vec![user])
    }
}

fn rule(element: &Element) -> Result<Rule, Fault> {
    match element.name.as_str() {
        "id" => number(element).map(Rule::Id),
        "login" => text(element).map(Rule::Login),
        _ => Selector::read(element).map(Rule::Site),
    }
}

impl Found {
    /// The result of a rule that has failed or has found nobody, if it is one of these.
    pub(super) fn alone(&self) -> Option<Node> {
        match &self.outcome {
            Err(fault) => Some(self.failed(fault, self.id)),
            Ok(users) if users.is_empty() => Some(ok(vec![leaf("filter-id", &self.filter_id)])),
            Ok(_) => None,
        }
    }

    /// The result of one web user whom something was done with.
    pub(super) fn of(&self, user: &WebUserView, outcome: Result<Vec<Node>, Fault>) -> Node {
        match outcome {
            Ok(more) => {
                let mut nodes = vec![leaf("filter-id", &self.filter_id), leaf("id", user.id)];
                nodes.extend(more);
                ok(nodes)
            }
            Err(fault) => self.failed(&fault, Some(user.id.0)),
        }
    }

    fn failed(&self, fault: &Fault, id: Option<i64>) -> Node {
        let mut nodes = vec![leaf("filter-id", &self.filter_id)];
        nodes.extend(id.map(|id| leaf("id", id)));
        error(fault, nodes)
    }
}
