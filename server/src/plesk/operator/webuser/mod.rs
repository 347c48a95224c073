//! `webuser`: logins for file transfer inside a site.

mod add;
mod del;
mod filter;
mod get;
mod prefs;
mod set;
mod values;

use super::{Known, Operation as Any};
use crate::app::Ctx;
use crate::plesk::reply::Node;

pub(super) const OPERATOR: Known = Known {
    name: "webuser",
    offered: &[
        ("add", |element, order| add::Add::read(element, order).map(|add| Any::WebUser(Operation::Add(add)))),
        ("del", |element, order| del::Del::read(element, order).map(|del| Any::WebUser(Operation::Del(del)))),
        ("get", |element, order| get::Get::read(element, order).map(|get| Any::WebUser(Operation::Get(get)))),
        ("set", |element, order| {
            set::Set::read(element, order).map(|set| Any::WebUser(Operation::Set(Box::new(set))))
        }),
        ("get-prefs", |element, order| {
            prefs::Prefs::read_get(element, order).map(|prefs| Any::WebUser(Operation::Prefs(prefs)))
        }),
        ("set-prefs", |element, order| {
            prefs::Prefs::read_set(element, order).map(|prefs| Any::WebUser(Operation::Prefs(prefs)))
        }),
    ],
    refused: &[],
};

/// What the operator is asked for.
#[derive(Debug)]
pub(in crate::plesk) enum Operation {
    Add(add::Add),
    Del(del::Del),
    Get(get::Get),
    Set(Box<set::Set>),
    Prefs(prefs::Prefs),
}

impl Operation {
    pub(super) async fn run(self, ctx: &Ctx) -> Vec<Node> {
        match self {
            Self::Add(add) => vec![add.run(ctx).await],
            Self::Del(del) => del.run(ctx).await,
            Self::Get(get) => get.run(ctx).await,
            Self::Set(set) => set.run(ctx).await,
            Self::Prefs(prefs) => prefs.run(ctx).await,
        }
    }
}
