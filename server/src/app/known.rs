//! Finding things that are named in a path, with the answer for those that are not there.

use berth_core::id::{DeliveryId, NodeId, WebhookId};
use berth_core::name::{Fqdn, PackageName};
use berth_core::package::TimerMode;
use berth_core::timer::TimerName;
use berth_core::{Code, Problem, Problems};
use berth_store::accounts::AccountRecord;
use berth_store::domains::DomainRecord;
use berth_store::nodes::{NodeOverview, NodeRecord};
use berth_store::packages::PackageRecord;
use berth_store::timers::TimerRecord;
use berth_store::webhooks::{DeliveryRecord, WebhookRecord};
use berth_store::{Tx, domains, nodes, packages, timers, webhooks};

use super::context::App;
use super::problem::{Failure, retrying};

/// The node that an agent speaks for. Only [`linked_node`] makes one, for the agent on this host; whoever
/// calls it has made sure that the peer is the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkedNode(NodeId);

impl LinkedNode {
    /// The node.
    pub const fn id(self) -> NodeId {
        self.0
    }
}

/// The node that this host is, for its own agent.
///
/// # Errors
/// `node_not_found` until `berth setup` has made it.
pub async fn linked_node(app: &App) -> Result<LinkedNode, Problems> {
    retrying!(app, async {
        let mut tx = app.store.read().await?;
        node(&mut tx, &app.settings.node).await.map(|node| LinkedNode(node.id))
    })
}

pub(super) async fn node(tx: &mut Tx, name: &str) -> Result<NodeRecord, Failure> {
    nodes::by_name(tx, name).await?.ok_or_else(|| no_node(name).into())
}

pub(super) async fn package(tx: &mut Tx, name: &PackageName) -> Result<PackageRecord, Failure> {
    packages::by_name(tx, name).await?.ok_or_else(|| no_package(name).into())
}

/// The answer for a package that does not exist.
pub(super) fn no_package(name: &PackageName) -> Problem {
    Problem::new(Code::PackageNotFound, format!("there is no package `{name}`"))
        .hint("`berth package list` shows every package")
}

/// A domain of an account, by its name. Somebody else's is as good as none.
pub(super) async fn domain(
    tx: &mut Tx,
    account: &AccountRecord,
    fqdn: &Fqdn,
) -> Result<DomainRecord, Failure> {
    domains::by_fqdn(tx, fqdn).await?.filter(|domain| domain.account == account.id).ok_or_else(|| {
        Problem::new(Code::DomainNotFound, format!("{} has no domain {fqdn}", account.username)).into()
    })
}

/// A timer of an account, by its name.
pub(super) async fn timer(
    tx: &mut Tx,
    account: &AccountRecord,
    name: &TimerName,
) -> Result<TimerRecord, Failure> {
    timers::by_name(tx, account.id, name).await?.ok_or_else(|| {
        Problem::new(Code::TimerNotFound, format!("{} has no timer {name}", account.username)).into()
    })
}

/// How timers of an account run.
pub(super) async fn timer_mode(tx: &mut Tx, account: &AccountRecord) -> Result<TimerMode, Failure> {
    let package = packages::by_id(tx, account.package).await?;
    Ok(package.map_or(TimerMode::Off, |package| package.features.timers))
}

/// How timers of an account run, if they run at all.
pub(super) async fn timers_included(tx: &mut Tx, account: &AccountRecord) -> Result<TimerMode, Failure> {
    match timer_mode(tx, account).await? {
        TimerMode::Off => Err(Problem::new(
            Code::TimersNotIncluded,
            format!("the package of {} has timers switched off", account.username),
        )
        .into()),
        mode => Ok(mode),
    }
}

/// A webhook, by its id.
pub(super) async fn webhook(tx: &mut Tx, id: WebhookId) -> Result<WebhookRecord, Failure> {
    webhooks::by_id(tx, id)
        .await?
        .ok_or_else(|| Problem::new(Code::WebhookNotFound, format!("there is no webhook {id}")).into())
}

/// A delivery of a webhook, by its id.
pub(super) async fn delivery(
    tx: &mut Tx,
    webhook: WebhookId,
    id: DeliveryId,
) -> Result<DeliveryRecord, Failure> {
    webhooks::delivery(tx, webhook, id).await?.ok_or_else(|| {
        Problem::new(Code::DeliveryNotFound, format!("the webhook has no delivery {id}")).into()
    })
}

/// A node with counts of its accounts.
pub(super) async fn node_overview(tx: &mut Tx, name: &str) -> Result<NodeOverview, Failure> {
    nodes::overview(tx, name).await?.ok_or_else(|| no_node(name).into())
}

fn no_node(name: &str) -> Problem {
    let shown: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
    Problem::new(Code::NodeNotFound, format!("there is no node `{shown}`"))
        .hint("`berth node list` shows every node")
}
