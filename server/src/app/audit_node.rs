use berth_core::Problems;
use berth_core::mode::Mode;
use berth_core::policy::Action;
use berth_core::view::{ChangeKind, NodeView};
use berth_store::nodes;
use serde_json::json;

use super::audited::audit;
use super::authorize::{Target, authorize};
use super::context::Ctx;
use super::known;
use super::outcome::{Outcome, one_change};
use super::problem::{Failure, retrying};
use super::view::node_view;

/// Asks a node to look at everything now. It is done once `audit_done` has reached `audit_requested`.
///
/// # Errors
/// `node_not_found`.
pub async fn audit_node(ctx: &Ctx, name: &str, mode: Mode) -> Result<Outcome<NodeView>, Problems> {
    authorize(ctx, Action::NodeAudit, &Target::installation(name)).await?;
    let outcome = retrying!(&ctx.app, attempt(ctx, name, mode))?;
    if let Outcome::Done(_) = outcome {
        ctx.app.notifier.signal();
    }
    Ok(outcome)
}

async fn attempt(ctx: &Ctx, name: &str, mode: Mode) -> Result<Outcome<NodeView>, Failure> {
    let mut tx = ctx.open(mode).await?;
    let node = known::node_overview(&mut tx, name).await?;
    let plan = || {
        let what = format!("every resource of {} accounts is looked at, and mended", node.accounts);
        one_change(ChangeKind::Change, "node", name, Some(what))
    };
    if let Some(answer) = Outcome::of_dry_run(mode, plan) {
        return Ok(answer);
    }
    let number = nodes::request_audit(&mut tx, node.node.id).await?;
    audit(ctx, &mut tx, Action::NodeAudit, name, None, json!({ "audit": number })).await?;
    let view = node_view(known::node_overview(&mut tx, name).await?, ctx.app.clock.now());
    tx.commit().await?;
    Ok(Outcome::Done(view))
}
