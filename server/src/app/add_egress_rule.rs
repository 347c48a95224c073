use berth_core::command::AddEgressRule;
use berth_core::egress::RULES_MAX;
use berth_core::id::EgressRuleId;
use berth_core::mode::Mode;
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::view::{ChangeKind, EgressRuleView};
use berth_core::{Code, Problem, Problems};
use berth_store::egress_rules::EgressRuleRecord;
use berth_store::{accounts, egress_rules};
use serde_json::json;

use super::audited::audit;
use super::context::Ctx;
use super::idempotency::Request;
use super::outcome::{Outcome, one_change};
use super::problem::{Failure, retrying};
use super::subject::Subject;
use super::view::egress_rule_view;

/// Lets an account reach something on the network whatever its package says.
///
/// # Errors
/// `user_not_found`, `account_missing`, `egress_rule_taken`, `egress_rules_exceeded`, `idempotency_conflict`.
pub async fn add_egress_rule(
    ctx: &Ctx,
    user: &UserRef,
    command: AddEgressRule,
    mode: Mode,
) -> Result<Outcome<EgressRuleView>, Problems> {
    let subject = Subject::authorized(ctx, Action::EgressRuleAdd, user).await?;
    let request = Request::new(ctx, Action::EgressRuleAdd, &(subject.user.id, &command))?;
    let outcome = retrying!(&ctx.app, attempt(ctx, &subject, &command, &request, mode))?;
    if let Outcome::Done(_) = outcome {
        ctx.app.notifier.signal();
    }
    Ok(outcome)
}

async fn attempt(
    ctx: &Ctx,
    subject: &Subject,
    command: &AddEgressRule,
    request: &Request,
    mode: Mode,
) -> Result<Outcome<EgressRuleView>, Failure> {
    let mut tx = ctx.open(mode).await?;
    if let Some(done) = request.replay(&mut tx, mode).await? {
        return Ok(Outcome::Done(done));
    }
    let subject = subject.again(&mut tx).await?;
    let account = &subject.account()?.account;
    let rules = egress_rules::of_account(&mut tx, account.id).await?;
    let rule = &command.rule;
    if let Some(there) = rules.iter().find(|there| there.rule == *rule) {
        let detail = format!("{} may reach {rule} already, by the rule {}", account.username, there.id);
        return Err(Problem::new(Code::EgressRuleTaken, detail).at("network").into());
    }
    if rules.len() >= RULES_MAX {
        let detail = format!("{} has {RULES_MAX} rules", account.username);
        return Err(Problem::new(Code::EgressRulesExceeded, detail).into());
    }
    let plan = || {
        let whom = format!("{} may reach it whatever the package says", account.username);
        one_change(ChangeKind::Create, "egress_rule", rule.to_string(), Some(whom))
    };
    if let Some(answer) = Outcome::of_dry_run(mode, plan) {
        return Ok(answer);
    }
    let now = ctx.app.clock.now();
    let record = EgressRuleRecord {
        id: EgressRuleId::new(now, ctx.app.randomness.ten()),
        account: account.id,
        rule: rule.clone(),
        note: command.note.clone(),
        created_at: now,
    };
    egress_rules::insert(&mut tx, &record).await?;
    accounts::stamp(&mut tx, account.id).await?;
    let view = egress_rule_view(&record);
    request.remember(&mut tx, &view).await?;
    let detail = json!({ "rule": rule.to_string(), "id": record.id, "note": command.note });
    audit(ctx, &mut tx, Action::EgressRuleAdd, account.username.as_str(), Some(subject.user.id), detail)
        .await?;
    tx.commit().await?;
    Ok(Outcome::Done(view))
}
