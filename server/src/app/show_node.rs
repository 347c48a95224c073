use berth_core::Problems;
use berth_core::policy::Action;
use berth_core::view::NodeView;

use super::authorize::{Target, authorize};
use super::context::Ctx;
use super::known;
use super::problem::{Failure, retrying};
use super::view::node_view;

/// Shows one node.
///
/// # Errors
/// `node_not_found`.
pub async fn show_node(ctx: &Ctx, name: &str) -> Result<NodeView, Problems> {
    authorize(ctx, Action::NodeRead, &Target::installation(name)).await?;
    retrying!(&ctx.app, attempt(ctx, name))
}

async fn attempt(ctx: &Ctx, name: &str) -> Result<NodeView, Failure> {
    let mut tx = ctx.app.store.read().await?;
    Ok(node_view(known::node_overview(&mut tx, name).await?, ctx.app.clock.now()))
}
