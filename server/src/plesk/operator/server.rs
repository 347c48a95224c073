//! `server`: what this installation is.

use super::{Known, Operation as Any};
use crate::app::{self, Ctx};
use crate::plesk::fault::Fault;
use crate::plesk::reply::{Node, leaf, node, result};
use crate::plesk::schema::{Order, Sequence};
use crate::plesk::xml::Element;

/// Versions of the protocol for which the same is served.
const PROTOCOLS: &[&str] = &[
    "1.4.2.0", "1.5.0.0", "1.5.1.0", "1.5.2.0", "1.5.2.1", "1.6.0.0", "1.6.0.1", "1.6.0.2", "1.6.1.0",
    "1.6.2.0", "1.6.3.0", "1.6.3.1", "1.6.3.2", "1.6.3.3", "1.6.3.4", "1.6.3.5", "1.6.4.0", "1.6.5.0",
    "1.6.6.0", "1.6.7.0", "1.6.8.0", "1.6.9.0", "1.6.9.1",
];

/// What `get` can be asked for; of those in the second list there is nothing to tell.
const TOLD: &[&str] = &["key", "gen_info", "components", "stat"];
const UNTOLD: &[&str] = &[
    "admin",
    "interfaces",
    "services_state",
    "prefs",
    "shells",
    "session_setup",
    "site-isolation-config",
    "updates",
    "admin-domain-list",
    "certificates",
    "rewrite-rules",
    "mail",
];

pub(super) const OPERATOR: Known = Known {
    name: "server",
    offered: &[
        ("get_protos", |element, order| {
            Sequence::new(element, order)?.finish().map(|()| Any::Server(Operation::Protocols))
        }),
        ("get", |element, order| read_get(element, order).map(Any::Server)),
    ],
    refused: &["set", "create_session", "add", "srv_man", "get-additional-key", "install-license", "reset"],
};

/// What the operator is asked for.
#[derive(Debug)]
pub(in crate::plesk) enum Operation {
    Protocols,
    Get(Vec<&'static str>),
}

fn read_get(element: &Element, order: Order) -> Result<Operation, Fault> {
    let mut sequence = Sequence::new(element, order)?;
    let mut wanted = Vec::new();
    while let Some(next) = sequence.any() {
        let known = TOLD.iter().chain(UNTOLD).find(|name| **name == next.name);
        wanted.push(*known.ok_or_else(|| crate::plesk::schema::unexpected(next, TOLD))?);
    }
    Ok(Operation::Get(wanted))
}

impl Operation {
    pub(super) async fn run(self, ctx: &Ctx) -> Vec<Node> {
        match self {
            Self::Protocols => {
                let protocols = PROTOCOLS.iter().map(|version| leaf("proto", *version)).collect();
                vec![result(Ok(vec![node("protos", protocols)]))]
            }
            Self::Get(wanted) => vec![result(get(ctx, &wanted).await)],
        }
    }
}

async fn get(ctx: &Ctx, wanted: &[&'static str]) -> Result<Vec<Node>, Fault> {
    // Whoever may see the servers may see this.
    let nodes = app::list_nodes(ctx).await?;
    if let Some(name) = wanted.iter().find(|name| UNTOLD.contains(name)) {
        return Err(Fault::unsupported(&format!("The data {name} of the server")));
    }
    let version = env!("CARGO_PKG_VERSION");
    let property =
        |name: &'static str, value: &str| node("property", vec![leaf("name", name), leaf("value", value)]);
    let mut told = Vec::new();
    for name in wanted {
        told.push(match *name {
            "key" => node("key", vec![property("edition", "berth")]),
            "gen_info" => node(
                "gen_info",
                vec![
                    leaf("server_name", &ctx.app.settings.node),
                    leaf("server_guid", nodes.first().map(|node| node.id.to_string()).unwrap_or_default()),
                    leaf("mode", "standard"),
                ],
            ),
            "components" => node(
                "components",
                vec![node("component", vec![leaf("name", "berth"), leaf("version", version)])],
            ),
            _ => {
                let accounts: u64 = nodes.iter().map(|node| node.accounts).sum();
                node(
                    "stat",
                    vec![
                        node("objects", vec![leaf("domains", accounts)]),
                        node(
                            "version",
                            vec![
                                leaf("plesk_name", "berth"),
                                leaf("plesk_version", version),
                                leaf("plesk_os", "Debian"),
                                leaf("plesk_os_version", "13"),
                            ],
                        ),
                    ],
                )
            }
        });
    }
    Ok(told)
}
