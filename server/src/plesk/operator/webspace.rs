//! `webspace`: the first site of an account, which stands for the account.

use super::sites::{Get, Shown};
use super::{Known, Operation as Any};
use crate::app::Ctx;
use crate::plesk::reply::Node;

pub(super) const OPERATOR: Known = Known {
    name: "webspace",
    offered: &[("get", |element, order| {
        Get::read(element, order).map(|get| Any::Webspace(Operation::Get(get)))
    })],
    refused: &[
        "add",
        "set",
        "del",
        "add-subscription",
        "remove-subscription",
        "switch-subscription",
        "sync-subscription",
        "get-traffic",
        "set-traffic",
        "cftp",
        "add-package",
        "remove-package",
        "enable-aps-filter",
        "disable-aps-filter",
        "get-permission-descriptor",
        "get-limit-descriptor",
        "get-physical-hosting-descriptor",
        "get-php-handler",
        "set-php-handler",
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
            Self::Get(get) => get.run(ctx, Shown::Webspaces).await,
        }
    }
}
