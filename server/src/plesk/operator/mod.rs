//! What a packet can hold: one file per operator, each with what its operations say and do.

mod customer;
mod secret_key;
mod server;
mod service_plan;
mod site;
mod sites;
mod webspace;
mod webuser;

use super::fault::Fault;
use super::reply::{Node, error};
use super::schema::{Order, unexpected};
use super::xml::{Element, shown};
use crate::app::Ctx;

/// An operation whose form is right.
#[derive(Debug)]
pub(super) enum Operation {
    Customer(customer::Operation),
    SecretKey(secret_key::Operation),
    Server(server::Operation),
    ServicePlan(service_plan::Operation),
    Site(site::Operation),
    Webspace(webspace::Operation),
    WebUser(webuser::Operation),
    /// One that there is nothing behind.
    Unsupported(String),
}

impl Operation {
    /// Does it, and gives its results.
    pub(super) async fn run(self, ctx: &Ctx) -> Vec<Node> {
        match self {
            Self::Customer(operation) => operation.run(ctx).await,
            Self::SecretKey(operation) => operation.run(ctx).await,
            Self::Server(operation) => operation.run(ctx).await,
            Self::ServicePlan(operation) => operation.run(ctx).await,
            Self::Site(operation) => operation.run(ctx).await,
            Self::Webspace(operation) => operation.run(ctx).await,
            Self::WebUser(operation) => operation.run(ctx).await,
            Self::Unsupported(what) => vec![error(&Fault::unsupported(&what), Vec::new())],
        }
    }
}

/// An operator.
pub(super) struct Known {
    /// Its name.
    pub(super) name: &'static str,
    /// The operations that there is something behind, with their readers.
    offered: &'static [(&'static str, Reader)],
    /// Those of the protocol that there is nothing behind.
    refused: &'static [&'static str],
}

type Reader = fn(&Element, Order) -> Result<Operation, Fault>;

impl Known {
    /// Reads one of its operations.
    pub(super) fn operation(
        &self,
        element: &Element,
        order: Order,
    ) -> Result<(&'static str, Operation), Fault> {
        if let Some((name, read)) = self.offered.iter().find(|(name, _)| *name == element.name) {
            return read(element, order).map(|operation| (*name, operation));
        }
        if let Some(name) = self.refused.iter().find(|name| **name == element.name) {
            let what = format!("The operation {name} of the operator {}", self.name);
            return Ok((name, Operation::Unsupported(what)));
        }
        if let Some(name) =
            GENERIC.iter().find(|name| **name == element.name).filter(|_| self.offered.is_empty())
        {
            let what = format!("The operator {}", self.name);
            return Ok((name, Operation::Unsupported(what)));
        }
        let expected: Vec<&'static str> =
            self.offered.iter().map(|(name, _)| *name).chain(self.refused.iter().copied()).collect();
        Err(unexpected(element, &expected))
    }
}

/// Operations of operators that there is nothing behind at all.
const GENERIC: &[&str] = &[
    "accept",
    "activate",
    "add",
    "add-db",
    "add-db-user",
    "add-package",
    "add_rec",
    "assign-owner",
    "cancel",
    "clear",
    "create",
    "del",
    "del-db",
    "del-db-user",
    "del_rec",
    "disable",
    "enable",
    "exchange",
    "generate",
    "get",
    "get-db-users",
    "get-default-user",
    "get-dbs",
    "get-info",
    "get-limits",
    "get-list",
    "get-pool",
    "get-prefs",
    "get-supported-types",
    "get_info",
    "get_prefs",
    "get_rec",
    "get_status",
    "info",
    "install",
    "list",
    "off",
    "on",
    "remove",
    "rename",
    "set",
    "set-db-user",
    "set-default-user",
    "set-prefs",
    "set_prefs",
    "sync",
    "terminate",
    "uninstall",
    "update",
];

const fn nothing_behind(name: &'static str) -> Known {
    Known { name, offered: &[], refused: &[] }
}

/// Every operator of the protocol.
const KNOWN: &[Known] = &[
    customer::OPERATOR,
    secret_key::OPERATOR,
    server::OPERATOR,
    service_plan::OPERATOR,
    site::OPERATOR,
    webspace::OPERATOR,
    webuser::OPERATOR,
    nothing_behind("aps"),
    nothing_behind("backup-manager"),
    nothing_behind("branding"),
    nothing_behind("certificate"),
    nothing_behind("database"),
    nothing_behind("db_server"),
    nothing_behind("dns"),
    nothing_behind("event_log"),
    nothing_behind("extension"),
    nothing_behind("ftp-user"),
    nothing_behind("git"),
    nothing_behind("ip"),
    nothing_behind("locale"),
    nothing_behind("log-rotation"),
    nothing_behind("mail"),
    nothing_behind("maillist"),
    nothing_behind("nodejs"),
    nothing_behind("php-handler"),
    nothing_behind("protected-dir"),
    nothing_behind("reseller"),
    nothing_behind("reseller-plan"),
    nothing_behind("service-plan-addon"),
    nothing_behind("session"),
    nothing_behind("site-alias"),
    nothing_behind("sitebuilder"),
    nothing_behind("spamfilter"),
    nothing_behind("subdomain"),
    nothing_behind("ui"),
    nothing_behind("updater"),
    nothing_behind("user"),
    nothing_behind("virtdir"),
    nothing_behind("wp-instance"),
];

/// The operator of a name.
pub(super) fn find(name: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.name == name)
}

/// The names of all operators.
pub(super) fn names() -> Vec<&'static str> {
    KNOWN.iter().map(|known| known.name).collect()
}

/// A text that a reply repeats.
fn echoed(text: &str) -> String {
    shown(text)
}
