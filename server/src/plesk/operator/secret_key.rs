//! `secret_key`: keys that stand for a user without a password.

use berth_core::Parse;
use berth_core::role::UserRef;

use super::{Known, Operation as Any, echoed};
use crate::app::{self, Ctx, PleskKeyView};
use crate::plesk::fault::{Fault, VALUE};
use crate::plesk::reply::{Node, error, leaf, node, ok, result};
use crate::plesk::schema::{Order, Sequence, text};
use crate::plesk::xml::Element;

pub(super) const OPERATOR: Known = Known {
    name: "secret_key",
    offered: &[
        ("create", |element, order| read_create(element, order).map(Any::SecretKey)),
        ("get_info", |element, order| {
            read_filter(element, order).map(|keys| Any::SecretKey(Operation::GetInfo(keys)))
        }),
        ("delete", |element, order| {
            read_filter(element, order).map(|keys| Any::SecretKey(Operation::Delete(keys)))
        }),
    ],
    refused: &[],
};

/// What the operator is asked for.
pub(in crate::plesk) enum Operation {
    Create { address: Option<String>, description: String, login: Option<String> },
    GetInfo(Vec<String>),
    Delete(Vec<String>),
}

impl std::fmt::Debug for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("secret_key")
    }
}

fn read_create(element: &Element, order: Order) -> Result<Operation, Fault> {
    let mut sequence = Sequence::new(element, order)?;
    let address = sequence.text("ip_address")?;
    let description = sequence.text("description")?.unwrap_or_default();
    let login = sequence.text("login")?;
    sequence.finish()?;
    Ok(Operation::Create { address, description, login })
}

fn read_filter(element: &Element, order: Order) -> Result<Vec<String>, Fault> {
    let mut sequence = Sequence::new(element, order)?;
    let filter = sequence.required("filter")?;
    sequence.finish()?;
    let mut inner = Sequence::new(filter, order)?;
    let keys = inner.repeated("key").into_iter().map(text).collect::<Result<_, _>>()?;
    inner.finish()?;
    Ok(keys)
}

impl Operation {
    pub(super) async fn run(self, ctx: &Ctx) -> Vec<Node> {
        match self {
            Self::Create { address, description, login } => {
                vec![result(create(ctx, address, &description, login).await)]
            }
            Self::GetInfo(keys) => each(ctx, &keys, false).await,
            Self::Delete(keys) => each(ctx, &keys, true).await,
        }
    }
}

async fn create(
    ctx: &Ctx,
    address: Option<String>,
    description: &str,
    login: Option<String>,
) -> Result<Vec<Node>, Fault> {
    let address = match address.filter(|address| !address.is_empty()) {
        None => None,
        Some(text) => {
            let parsed: std::net::IpAddr =
                text.parse().map_err(|_| Fault::new(VALUE, "ip_address is not an IP address"))?;
            Some(parsed.to_canonical().to_string())
        }
    };
    let user = match (login, ctx.actor.user()) {
        (Some(login), _) => UserRef::parse(&login)?,
        (None, Some(user)) => UserRef::Id(user),
        (None, None) => return Err(Fault::new(VALUE, "Name a user by login")),
    };
    let key = app::create_plesk_key(ctx, &user, address, description).await?;
    Ok(vec![leaf("key", key)])
}

/// Shows or deletes keys: those that are named, or all.
async fn each(ctx: &Ctx, keys: &[String], delete: bool) -> Vec<Node> {
    if keys.is_empty() {
        return match app::list_plesk_keys(ctx, None).await {
            Ok(found) => {
                let mut results = Vec::new();
                for key in found {
                    let id = key.id.to_string();
                    results.push(one(ctx, key, &id, delete).await);
                }
                results
            }
            Err(problems) => vec![error(&problems.into(), Vec::new())],
        };
    }
    let mut results = Vec::new();
    for key in keys {
        match app::list_plesk_keys(ctx, Some(key)).await {
            Ok(found) => {
                for view in found {
                    results.push(one(ctx, view, key, delete).await);
                }
            }
            Err(problems) => results.push(error(&problems.into(), vec![leaf("filter-id", echoed(key))])),
        }
    }
    results
}

async fn one(ctx: &Ctx, key: PleskKeyView, shown: &str, delete: bool) -> Node {
    let filter_id = leaf("filter-id", echoed(shown));
    if delete {
        return match app::delete_plesk_key(ctx, key.id).await {
            Ok(()) => ok(vec![filter_id, leaf("key", echoed(shown))]),
            Err(problems) => error(&problems.into(), vec![filter_id]),
        };
    }
    let login = match app::show_user(ctx, &UserRef::Id(key.user)).await {
        Ok(user) => user.username.map_or_else(|| user.email.to_string(), |login| login.to_string()),
        Err(problems) => return error(&problems.into(), vec![filter_id]),
    };
    let info = vec![
        leaf("key", echoed(shown)),
        leaf("ip_address", key.address.unwrap_or_default()),
        leaf("description", key.description),
        leaf("login", login),
    ];
    ok(vec![filter_id, node("key_info", info)])
}
