use berth_core::drift::DriftState;
use berth_core::id::DriftId;
use berth_core::mode::Mode;
use berth_core::policy::Action;
use berth_core::user::MemberRole;
use berth_core::view::{ChangeKind, DriftView, PlanView};
use berth_core::{Code, Problem, Problems};
use berth_store::{accounts, drift, memberships};
use serde_json::json;

use super::audited::audit;
use super::authorize::{Target, authorize};
use super::context::Ctx;
use super::found_keys::{Exchange, is_adoptable};
use super::idempotency::Request;
use super::known;
use super::outcome::{Outcome, planned};
use super::problem::{Failure, retrying};
use super::view::drift_view;

/// Takes over what was found on a node: the account then shall have what somebody has put there by hand. Only
/// authorized keys can be taken over; everything else follows from settings that are changed in Berth.
///
/// # Errors
/// `node_not_found`, `drift_not_found`, `drift_not_adoptable`, `idempotency_conflict`.
pub async fn adopt_drift(
    ctx: &Ctx,
    node: &str,
    id: DriftId,
    mode: Mode,
) -> Result<Outcome<DriftView>, Problems> {
    decide(ctx, node, id, mode, DriftState::Adopted).await
}

/// Adopting and reverting are one act in two directions: the account's keys become those that were found, or
/// those that Berth had made of them.
pub(super) async fn decide(
    ctx: &Ctx,
    node: &str,
    id: DriftId,
    mode: Mode,
    decision: DriftState,
) -> Result<Outcome<DriftView>, Problems> {
    let action = if decision == DriftState::Adopted { Action::DriftAdopt } else { Action::DriftRevert };
    authorize(ctx, action, &Target::installation(node)).await?;
    let request = Request::new(ctx, action, &(node, id))?;
    let outcome = retrying!(&ctx.app, attempt(ctx, node, id, mode, (action, decision), &request))?;
    if let Outcome::Done(_) = outcome {
        ctx.app.notifier.signal();
    }
    Ok(outcome)
}

async fn attempt(
    ctx: &Ctx,
    node: &str,
    id: DriftId,
    mode: Mode,
    (action, decision): (Action, DriftState),
    request: &Request,
) -> Result<Outcome<DriftView>, Failure> {
    let mut tx = ctx.open(mode).await?;
    if let Some(done) = request.replay(&mut tx, mode).await? {
        return Ok(Outcome::Done(done));
    }
    let node = known::node(&mut tx, node).await?;
    let missing = || Problem::new(Code::DriftNotFound, format!("{} has no drift {id}", node.name));
    let mut record = drift::by_id(&mut tx, node.id, id).await?.ok_or_else(missing)?;
    let account = match record.report.account {
        Some(account) => accounts::by_id(&mut tx, account).await?,
        None => None,
    };
    let text = match (decision, record.state) {
        (DriftState::Adopted, _) if !is_adoptable(&record) => {
            let detail = format!("{} can't be taken over from the node", record.report.object);
            return Err(Problem::new(Code::DriftNotAdoptable, detail).into());
        }
        (DriftState::Adopted, _) => Some(record.report.found.as_deref()),
        // What was never adopted is on the node as Berth has it already.
        (_, DriftState::Adopted) => Some(record.report.made.as_deref()),
        _ => None,
    };
    let exchange = match (&account, text) {
        (Some(account), Some(text)) => Some(Exchange::to(&mut tx, account, text).await?),
        _ => None,
    };
    let (added, removed) = exchange.as_ref().map(Exchange::fingerprints).unwrap_or_default();
    let plan = || {
        let step = |change, key: &&str| planned(change, "ssh_key", *key, None);
        let added = added.iter().map(|key| step(ChangeKind::Create, key));
        let removed = removed.iter().map(|key| step(ChangeKind::Remove, key));
        let mut changes: Vec<_> = added.chain(removed).collect();
        if changes.is_empty() {
            let detail = Some("as Berth has it already".to_owned());
            changes.push(planned(ChangeKind::Keep, "drift", record.report.object.clone(), detail));
        }
        PlanView { changes, limits: None }
    };
    if let Some(answer) = Outcome::of_dry_run(mode, plan) {
        return Ok(answer);
    }
    let now = ctx.app.clock.now();
    if let (Some(account), Some(exchange)) = (&account, &exchange) {
        exchange.make(ctx, &mut tx, account).await?;
    }
    drift::decide(&mut tx, id, decision, &ctx.actor.label(), now).await?;
    let owner = match &account {
        Some(account) => {
            let members = memberships::of_account(&mut tx, account.id).await?;
            members.into_iter().find(|member| member.role == MemberRole::Owner).map(|member| member.user)
        }
        None => None,
    };
    let detail = json!({ "node": node.name, "drift": id, "added": added, "removed": removed });
    audit(ctx, &mut tx, action, record.report.object.as_str(), owner, detail).await?;
    record.state = decision;
    record.decided_at = Some(now);
    record.decided_by = Some(ctx.actor.label());
    let view = drift_view(record, &node.name);
    request.remember(&mut tx, &view).await?;
    tx.commit().await?;
    Ok(Outcome::Done(view))
}
