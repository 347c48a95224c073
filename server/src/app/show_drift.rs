use berth_core::id::DriftId;
use berth_core::policy::Action;
use berth_core::view::DriftView;
use berth_core::{Code, Problem, Problems};
use berth_store::drift;

use super::authorize::{Target, authorize};
use super::context::Ctx;
use super::known;
use super::problem::{Failure, retrying};
use super::view::drift_view;

/// Something that somebody else had changed on a node.
///
/// # Errors
/// `node_not_found`, `drift_not_found`.
pub async fn show_drift(ctx: &Ctx, node: &str, id: DriftId) -> Result<DriftView, Problems> {
    authorize(ctx, Action::DriftRead, &Target::installation(node)).await?;
    retrying!(&ctx.app, attempt(ctx, node, id))
}

async fn attempt(ctx: &Ctx, node: &str, id: DriftId) -> Result<DriftView, Failure> {
    let mut tx = ctx.app.store.read().await?;
    let node = known::node(&mut tx, node).await?;
    let missing = || Problem::new(Code::DriftNotFound, format!("{} has no drift {id}", node.name));
    let record = drift::by_id(&mut tx, node.id, id).await?.ok_or_else(missing)?;
    Ok(drift_view(record, &node.name))
}
