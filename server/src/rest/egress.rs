//! `/users/{user}/egress`

use berth_core::Code;
use berth_core::command::AddEgressRule;
use berth_core::view::{EgressRuleView, EgressView};

use super::answer::{self, Answer};
use super::bodies::AddEgressRuleBody;
use super::body::JsonFields;
use super::caller::Caller;
use super::params::{ChangeParams, EgressRuleParam, IdempotencyParam, UserParam};
use super::path::PathParts;
use super::query::{DryRun, NoQuery};
use crate::app;

/// Show what a user's account may reach on the network
///
/// With what its node has refused lately.
#[utoipa::path(
    get, path = "/users/{user}/egress", tag = "Egress", operation_id = "show_egress",
    params(UserParam),
    responses((status = 200, description = "Policy, rules and refusals", body = EgressView)),
    extensions(("x-problems" = json!(["user_not_found", "account_missing"]))),
)]
pub(super) async fn show(Caller(ctx): Caller, _: NoQuery, path: PathParts) -> Answer {
    Ok(answer::read(&app::show_egress(&ctx, &path.user()?).await?))
}

/// Let an account reach something whatever its package says
///
/// Private and metadata addresses too: only administrators can do it.
#[utoipa::path(
    post, path = "/users/{user}/egress/rules", tag = "Egress", operation_id = "add_egress_rule",
    params(UserParam, ChangeParams, IdempotencyParam),
    request_body = AddEgressRuleBody,
    responses((status = 201, description = "The new rule", body = EgressRuleView)),
    extensions(("x-problems" = json!([
        "user_not_found", "account_missing", "network_invalid", "port_invalid", "egress_rule_taken",
        "egress_rules_exceeded"
    ]))),
)]
pub(super) async fn add_rule(
    Caller(ctx): Caller,
    DryRun(mode): DryRun,
    path: PathParts,
    JsonFields(fields): JsonFields,
) -> Answer {
    let user = path.user()?;
    let command = AddEgressRule::parse(fields)?;
    let outcome = app::add_egress_rule(&ctx, &user, command, mode).await?;
    Ok(answer::created(&outcome, |rule| format!("/api/v1/users/{user}/egress/rules/{}", rule.id)))
}

/// Take a rule away
#[utoipa::path(
    delete, path = "/users/{user}/egress/rules/{rule}", tag = "Egress", operation_id = "remove_egress_rule",
    params(UserParam, EgressRuleParam, ChangeParams, IdempotencyParam),
    responses((status = 204, description = "It is removed")),
    extensions(("x-problems" = json!(["user_not_found", "account_missing", "egress_rule_not_found"]))),
)]
pub(super) async fn remove_rule(Caller(ctx): Caller, DryRun(mode): DryRun, path: PathParts) -> Answer {
    let user = path.user()?;
    let rule = path.id("rule", Code::EgressRuleNotFound)?;
    Ok(answer::removed(&app::remove_egress_rule(&ctx, &user, rule, mode).await?))
}
