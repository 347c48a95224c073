use berth_core::Problems;
use berth_core::condition::Resource;
use berth_core::egress::Blocked;
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::view::EgressView;
use berth_store::egress_rules;

use super::conditions::conditions_view;
use super::context::Ctx;
use super::known::package;
use super::problem::{Failure, retrying};
use super::subject::Subject;
use super::view::egress_rule_view;

/// What a user's account may reach on the network, and what its node refused lately.
///
/// # Errors
/// `user_not_found`, `account_missing`.
pub async fn show_egress(ctx: &Ctx, user: &UserRef) -> Result<EgressView, Problems> {
    let subject = Subject::authorized(ctx, Action::EgressRead, user).await?;
    retrying!(&ctx.app, attempt(ctx, &subject))
}

async fn attempt(ctx: &Ctx, subject: &Subject) -> Result<EgressView, Failure> {
    let mut tx = ctx.app.store.read().await?;
    let subject = subject.again(&mut tx).await?;
    let overview = subject.account()?;
    let rules = egress_rules::of_account(&mut tx, overview.account.id).await?;
    let package = package(&mut tx, &overview.package).await?;
    let told = conditions_view(overview);
    let condition = told.conditions.into_iter().find(|condition| condition.resource == Resource::Egress);
    let observed =
        |name: &str| condition.as_ref().and_then(|condition| condition.observed.get(name)).cloned();
    // A node of another version may say it in other words; then there is nothing to show.
    let blocked: Vec<Blocked> =
        observed("blocked").and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default();
    let refused = observed("refused").and_then(|value| value.as_u64()).unwrap_or_default();
    Ok(EgressView {
        account: overview.account.id,
        policy: package.features.egress,
        rules: rules.iter().map(egress_rule_view).collect(),
        refused,
        blocked,
        reported_at: told.reported_at,
        state: condition.map(|condition| condition.state),
    })
}
