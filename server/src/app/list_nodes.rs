use berth_core::Problems;
use berth_core::policy::Action;
use berth_core::view::NodeView;
use berth_store::nodes;

use super::authorize::{Target, authorize};
use super::context::Ctx;
use super::problem::{Failure, retrying};
use super::view::node_view;

/// Every node, by name.
///
/// # Errors
/// `forbidden`.
pub async fn list_nodes(ctx: &Ctx) -> Result<Vec<NodeView>, Problems> {
    authorize(ctx, Action::NodeRead, &Target::installation("nodes")).await?;
    retrying!(&ctx.app, attempt(ctx))
}

async fn attempt(ctx: &Ctx) -> Result<Vec<NodeView>, Failure> {
    let now = ctx.app.clock.now();
    let mut tx = ctx.app.store.read().await?;
    Ok(nodes::list(&mut tx).await?.into_iter().map(|node| node_view(node, now)).collect())
}
