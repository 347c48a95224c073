//! `customer`: users with the role of one.

use berth_core::Parse;
use berth_core::command::{ListUsers, UserFilter};
use berth_core::role::{Role, UserRef};
use berth_core::view::UserView;

use super::{Known, Operation as Any, echoed};
use crate::app::{self, Ctx};
use crate::plesk::fault::{Fault, MISSING};
use crate::plesk::reply::{Node, error, leaf, node, ok};
use crate::plesk::schema::{Order, Sequence, number, text, unexpected};
use crate::plesk::xml::Element;

pub(super) const OPERATOR: Known = Known {
    name: "customer",
    offered: &[("get", |element, order| {
        Get::read(element, order).map(|get| Any::Customer(Operation::Get(get)))
    })],
    refused: &[
        "add",
        "set",
        "del",
        "add-package",
        "remove-package",
        "enable-aps-filter",
        "disable-aps-filter",
        "get-domain-list",
        "convert-to-reseller",
        "change-owner",
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
pub(in crate::plesk) struct Get {
    rules: Vec<Rule>,
    gen_info: bool,
}

#[derive(Debug)]
enum Rule {
    Id(i64),
    Login(String),
    Guid(String),
}

impl Get {
    fn read(element: &Element, order: Order) -> Result<Self, Fault> {
        let mut sequence = Sequence::new(element, order)?;
        let filter = sequence.required("filter")?;
        let dataset = sequence.required("dataset")?;
        sequence.finish()?;
        let rules = filter
            .children
            .iter()
            .map(|child| match child.name.as_str() {
                "id" => number(child).map(Rule::Id),
                "login" => text(child).map(Rule::Login),
                "guid" => text(child).map(Rule::Guid),
                _ => Err(unexpected(child, &["id", "login", "guid"])),
            })
            .collect::<Result<_, _>>()?;
        let gen_info = dataset.children.iter().any(|child| child.name == "gen_info");
        Ok(Self { rules, gen_info })
    }

    async fn run(self, ctx: &Ctx) -> Vec<Node> {
        let mut results = Vec::new();
        if self.rules.is_empty() {
            return match everybody(ctx, first_page()).await {
                Ok(users) => {
                    for user in users.iter().filter(|user| user.role == Role::User) {
                        results.push(match self.shown(ctx, user).await {
                            Ok(nodes) => ok(nodes),
                            Err(fault) => error(&fault, Vec::new()),
                        });
                    }
                    results
                }
                Err(fault) => vec![error(&fault, Vec::new())],
            };
        }
        for rule in &self.rules {
            let filter_id = match rule {
                Rule::Id(id) => id.to_string(),
                Rule::Login(text) | Rule::Guid(text) => echoed(text),
            };
            let found = match find(ctx, rule).await {
                Ok(user) => self.shown(ctx, &user).await,
                Err(fault) => Err(fault),
            };
            let filter_id = leaf("filter-id", filter_id);
            results.push(match found {
                Ok(nodes) => ok(std::iter::once(filter_id).chain(nodes).collect()),
                Err(fault) => error(&fault, vec![filter_id]),
            });
        }
        results
    }

    async fn shown(&self, ctx: &Ctx, user: &UserView) -> Result<Vec<Node>, Fault> {
        let id = app::number_of_user(ctx, user.id).await?;
        let mut data = Vec::new();
        if self.gen_info {
            let login = user.username.as_ref().map_or_else(|| user.email.to_string(), ToString::to_string);
            data.push(node(
                "gen_info",
                vec![
                    leaf("cr_date", user.created_at.format("%Y-%m-%d")),
                    leaf("cname", ""),
                    leaf("pname", &user.display_name),
                    leaf("login", login),
                    leaf("status", 0),
                    leaf("phone", user.phone.as_ref().map(ToString::to_string).unwrap_or_default()),
                    leaf("email", &user.email),
                    leaf("guid", user.id),
                ],
            ));
        }
        Ok(vec![leaf("id", id), node("data", data)])
    }
}

async fn find(ctx: &Ctx, rule: &Rule) -> Result<UserView, Fault> {
    let missing = || Fault::new(MISSING, "Client does not exist");
    let named = match rule {
        Rule::Id(number) => UserRef::Id(app::user_of_number(ctx, *number).await?.ok_or_else(missing)?),
        Rule::Login(login) => UserRef::parse(login).map_err(|_| missing())?,
        Rule::Guid(guid) => UserRef::Id(guid.parse().map_err(|_| missing())?),
    };
    let user = app::show_user(ctx, &named).await.map_err(|problems| {
        let fault = Fault::from(problems);
        if fault.code == MISSING { missing() } else { fault }
    })?;
    if user.role == Role::User { Ok(user) } else { Err(missing()) }
}

/// Every user whom the caller may see.
pub(super) async fn everybody(ctx: &Ctx, mut command: ListUsers) -> Result<Vec<UserView>, Fault> {
    let mut all = Vec::new();
    loop {
        let page = app::list_users(ctx, command.clone()).await?;
        all.extend(page.items);
        match page.next {
            Some(next) => command.cursor = Some(next),
            None => return Ok(all),
        }
    }
}

/// The first page of a list of all.
pub(super) fn first_page() -> ListUsers {
    ListUsers { filter: UserFilter::default(), cursor: None, limit: 200 }
}
