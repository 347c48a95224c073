use berth_core::id::QuarantineId;
use berth_core::policy::Action;
use berth_core::view::QuarantineView;
use berth_core::{Code, Problem, Problems};
use berth_store::nodes;

use super::authorize::{Target, authorize};
use super::context::Ctx;
use super::known;
use super::problem::{Failure, retrying};
use super::view::quarantine_view;

/// Shows what has become of an order to move a left-over home aside.
///
/// # Errors
/// `node_not_found`, `not_found`.
pub async fn show_quarantine(ctx: &Ctx, node: &str, id: QuarantineId) -> Result<QuarantineView, Problems> {
    authorize(ctx, Action::NodeRead, &Target::installation(node)).await?;
    retrying!(&ctx.app, attempt(ctx, node, id))
}

async fn attempt(ctx: &Ctx, node: &str, id: QuarantineId) -> Result<QuarantineView, Failure> {
    let mut tx = ctx.app.store.read().await?;
    let node = known::node(&mut tx, node).await?;
    let order = nodes::quarantine(&mut tx, id).await?.filter(|order| order.node == node.id);
    let order =
        order.ok_or_else(|| Problem::new(Code::NotFound, format!("{} has no quarantine {id}", node.name)))?;
    Ok(quarantine_view(order, &node.name))
}
