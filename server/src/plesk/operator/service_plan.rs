//! `service-plan`: packages.

use berth_core::Parse;
use berth_core::name::PackageName;
use berth_core::view::PackageView;

use super::{Known, Operation as Any, echoed};
use crate::app::{self, Ctx};
use crate::plesk::fault::{Fault, MISSING};
use crate::plesk::reply::{Node, error, leaf, ok};
use crate::plesk::schema::{Order, Sequence, text, unexpected};
use crate::plesk::xml::Element;

pub(super) const OPERATOR: Known = Known {
    name: "service-plan",
    offered: &[("get", |element, order| {
        Get::read(element, order).map(|get| Any::ServicePlan(Operation::Get(get)))
    })],
    refused: &[
        "add",
        "set",
        "del",
        "add-package",
        "remove-package",
        "enable-aps-filter",
        "disable-aps-filter",
        "get-limit-descriptor",
        "get-permission-descriptor",
        "get-physical-hosting-descriptor",
    ],
};

/// What the operator is asked for.
#[derive(Debug)]
pub(in crate::plesk) enum Operation {
    Get(Get),
}

impl Operation {
    pub(super) async fn run(self, ctx: &Ctx) -> Vec<Node> {
        match self {
            Self::Get(get) => get.run(ctx).await,
        }
    }
}

/// `get`
#[derive(Debug)]
pub(in crate::plesk) struct Get(Vec<Rule>);

#[derive(Debug)]
enum Rule {
    Name(String),
    Guid(String),
}

impl Get {
    fn read(element: &Element, order: Order) -> Result<Self, Fault> {
        let mut sequence = Sequence::new(element, order)?;
        let filter = sequence.required("filter")?;
        for name in ["owner-id", "owner-login", "owner-all"] {
            sequence.optional(name);
        }
        sequence.finish()?;
        let rules = filter.children.iter().map(|child| match child.name.as_str() {
            "name" => text(child).map(Rule::Name),
            "guid" => text(child).map(Rule::Guid),
            _ => Err(unexpected(child, &["name", "guid"])),
        });
        rules.collect::<Result<_, _>>().map(Self)
    }

    async fn run(self, ctx: &Ctx) -> Vec<Node> {
        if self.0.is_empty() {
            return match app::list_packages(ctx).await {
                Ok(packages) => packages.iter().map(|package| ok(shown(package))).collect(),
                Err(problems) => vec![error(&problems.into(), Vec::new())],
            };
        }
        let mut results = Vec::new();
        for rule in &self.0 {
            let (Rule::Name(said) | Rule::Guid(said)) = rule;
            let filter_id = leaf("filter-id", echoed(said));
            results.push(match find(ctx, rule).await {
                Ok(package) => ok(std::iter::once(filter_id).chain(shown(&package)).collect()),
                Err(fault) => error(&fault, vec![filter_id]),
            });
        }
        results
    }
}

async fn find(ctx: &Ctx, rule: &Rule) -> Result<PackageView, Fault> {
    let missing = || Fault::new(MISSING, "Service plan does not exist");
    match rule {
        Rule::Name(name) => {
            let name = PackageName::parse(name).map_err(|_| missing())?;
            Ok(app::show_package(ctx, &name).await?)
        }
        Rule::Guid(guid) => {
            let all = app::list_packages(ctx).await?;
            all.into_iter().find(|package| package.id.to_string() == *guid).ok_or_else(missing)
        }
    }
}

fn shown(package: &PackageView) -> Vec<Node> {
    vec![leaf("name", &package.name), leaf("guid", package.id)]
}
