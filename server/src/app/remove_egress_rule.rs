use berth_core::id::EgressRuleId;
use berth_core::mode::Mode;
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::view::ChangeKind;
use berth_core::{Code, Problem, Problems};
use berth_store::{accounts, egress_rules};
use serde_json::json;

use super::audited::audit;
use super::context::Ctx;
use super::outcome::{Outcome, one_change};
use super::problem::{Failure, retrying};
use super::subject::Subject;

/// Takes a rule away; what the account's package allows stays.
///
/// # Errors
/// `user_not_found`, `account_missing`, `egress_rule_not_found`.
pub async fn remove_egress_rule(
    ctx: &Ctx,
    user: &UserRef,
    rule: EgressRuleId,
    mode: Mode,
) -> Result<Outcome<()>, Problems> {
    let subject = Subject::authorized(ctx, Action::EgressRuleRemove, user).await?;
    let outcome = retrying!(&ctx.app, attempt(ctx, &subject, rule, mode))?;
    if let Outcome::Done(()) = outcome {
        ctx.app.notifier.signal();
    }
    Ok(outcome)
}

async fn attempt(ctx: &Ctx, subject: &Subject, id: EgressRuleId, mode: Mode) -> Result<Outcome<()>, Failure> {
    let mut tx = ctx.open(mode).await?;
    let subject = subject.again(&mut tx).await?;
    let account = &subject.account()?.account;
    let rules = egress_rules::of_account(&mut tx, account.id).await?;
    let Some(record) = rules.into_iter().find(|record| record.id == id) else {
        let detail = format!("{} has no such rule", account.username);
        return Err(Problem::new(Code::EgressRuleNotFound, detail).into());
    };
    let rule = record.rule.to_string();
    let plan = || one_change(ChangeKind::Remove, "egress_rule", &rule, None);
    if let Some(answer) = Outcome::of_dry_run(mode, plan) {
        return Ok(answer);
    }
    egress_rules::remove(&mut tx, account.id, id).await?;
    accounts::stamp(&mut tx, account.id).await?;
    let detail = json!({ "rule": rule, "id": id, "note": record.note });
    audit(ctx, &mut tx, Action::EgressRuleRemove, account.username.as_str(), Some(subject.user.id), detail)
        .await?;
    tx.commit().await?;
    Ok(Outcome::Done(()))
}
