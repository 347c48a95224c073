use berth_core::id::QuarantineId;
use berth_core::mode::Mode;
use berth_core::name::Username;
use berth_core::policy::Action;
use berth_core::view::{ChangeKind, QuarantineView};
use berth_core::{Code, Problem, Problems, layout};
use berth_store::{accounts, nodes};
use serde_json::json;

use super::audited::audit;
use super::authorize::{Target, authorize};
use super::context::Ctx;
use super::idempotency::Request;
use super::known;
use super::outcome::{Outcome, one_change};
use super::problem::{Failure, retrying};
use super::view::quarantine_view;

/// Orders a node to move a left-over home aside, so that its name can be used. The same order that still
/// waits is answered instead of given twice.
///
/// # Errors
/// `node_not_found`, `username_taken` if the home belongs to an account of Berth, `idempotency_conflict`.
pub async fn quarantine_home(
    ctx: &Ctx,
    node: &str,
    username: Username,
    mode: Mode,
) -> Result<Outcome<QuarantineView>, Problems> {
    authorize(ctx, Action::HomeQuarantine, &Target::installation(username.as_str())).await?;
    let request = Request::new(ctx, Action::HomeQuarantine, &(node, &username))?;
    let outcome = retrying!(&ctx.app, attempt(ctx, node, &username, &request, mode))?;
    if let Outcome::Done(_) = outcome {
        ctx.app.notifier.signal();
    }
    Ok(outcome)
}

async fn attempt(
    ctx: &Ctx,
    node: &str,
    username: &Username,
    request: &Request,
    mode: Mode,
) -> Result<Outcome<QuarantineView>, Failure> {
    let mut tx = ctx.open(mode).await?;
    if let Some(done) = request.replay(&mut tx, mode).await? {
        return Ok(Outcome::Done(done));
    }
    let node = known::node(&mut tx, node).await?;
    if accounts::by_username(&mut tx, username).await?.is_some() {
        return Err(Problem::new(
            Code::UsernameTaken,
            format!("{} belongs to an account of Berth", layout::home(username)),
        )
        .at("username")
        .hint("only homes that no account owns are moved aside")
        .into());
    }
    let plan = || {
        let whereto = format!("moved below {} on {}", layout::QUARANTINE_DIR, node.name);
        one_change(ChangeKind::Change, "home", layout::home(username), Some(whereto))
    };
    if let Some(answer) = Outcome::of_dry_run(mode, plan) {
        return Ok(answer);
    }
    let pending = nodes::pending_quarantines(&mut tx, node.id).await?;
    if let Some(waiting) = pending.into_iter().find(|order| order.username == *username) {
        return Ok(Outcome::Done(quarantine_view(waiting, &node.name)));
    }
    let now = ctx.app.clock.now();
    let id = QuarantineId::new(now, ctx.app.randomness.ten());
    nodes::insert_quarantine(&mut tx, id, node.id, username, now).await?;
    let view = QuarantineView {
        id,
        username: username.clone(),
        node: node.name.clone(),
        moved_to: None,
        problem: None,
    };
    request.remember(&mut tx, &view).await?;
    let detail = json!({ "node": node.name, "quarantine": id });
    audit(ctx, &mut tx, Action::HomeQuarantine, username.as_str(), None, detail).await?;
    tx.commit().await?;
    Ok(Outcome::Done(view))
}
