use berth_core::audit::{AuditEntry, AuditOutcome};
use berth_core::id::UserId;
use berth_core::policy::{Action, Decision, Relation, decide};
use berth_core::role::Actor;
use berth_core::{Code, Problem, Problems};
use serde_json::json;

use super::context::Ctx;
use super::problem::Failure;

/// What an action is about, as far as rights are concerned.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// How it relates to the actor.
    pub(super) relation: Relation,
    /// What people call it.
    pub(super) name: String,
    /// The user whom it belongs to.
    pub(super) user: Option<UserId>,
    /// The answer for one that does not exist, which is also the answer if the actor may not know.
    pub(super) missing: Problem,
}

impl Target {
    /// Something that belongs to the installation.
    pub(super) fn installation(name: impl Into<String>) -> Self {
        Self {
            relation: Relation::Installation,
            name: name.into(),
            user: None,
            missing: Problem::new(Code::NotFound, "there is nothing here"),
        }
    }
}

/// Lets the actor go on, or says why not and writes that down.
///
/// # Errors
/// `unauthenticated`, `forbidden`, or the target's own answer for something that does not exist.
pub(super) async fn authorize(ctx: &Ctx, action: Action, target: &Target) -> Result<(), Problems> {
    let problem = match decide(&ctx.actor, action, target.relation) {
        Decision::Allow => return Ok(()),
        Decision::Hide => target.missing.clone(),
        Decision::Authenticate => Problem::new(Code::Unauthenticated, "this needs an API key")
            .hint("send `Authorization: Bearer berth_…`; `berth api-key create` makes one"),
        Decision::Forbid => forbidden(&ctx.actor, action),
    };
    refuse(ctx, action.as_str(), target, problem).await
}

/// Refuses something that the policy's table does not cover, with the same trace in the audit log.
///
/// # Errors
/// Always: the problem.
pub(super) async fn refuse(
    ctx: &Ctx,
    action: &str,
    target: &Target,
    problem: Problem,
) -> Result<(), Problems> {
    if let Err(failure) = write_refusal(ctx, action, target, problem.code).await {
        // The refusal stands, but a refusal without trace is an error that its caller gets to see.
        return Err(failure.into_problems());
    }
    Err(problem.into())
}

fn forbidden(actor: &Actor, action: Action) -> Problem {
    let problem = Problem::new(Code::Forbidden, format!("{} may not do {}", actor.label(), action.as_str()));
    match actor {
        Actor::ApiKey { scopes, .. } if !scopes.contains(&action.scope()) => {
            problem.hint(format!("it takes a key with the scope `{}`", action.scope().as_str()))
        }
        Actor::LocalUser { .. } => {
            problem.hint("only root may use the operator socket; use `--url` and an API key, or sudo")
        }
        _ => problem,
    }
}

async fn write_refusal(ctx: &Ctx, action: &str, target: &Target, code: Code) -> Result<(), Failure> {
    let now = ctx.app.clock.now();
    let stranger = matches!(ctx.actor, Actor::Anonymous { .. } | Actor::LocalUser { .. });
    if stranger && !ctx.app.refusals.spend(now) {
        tracing::warn!(
            actor = ctx.actor.label(),
            action,
            "refused, and too often to be written to the audit log"
        );
        return Ok(());
    }
    let mut attempts = super::problem::Attempts::default();
    loop {
        let entry = AuditEntry {
            at: now,
            actor: serde_json::to_value(&ctx.actor).unwrap_or_default(),
            actor_label: ctx.actor.label(),
            action: action.to_owned(),
            subject: target.name.clone(),
            user: target.user,
            outcome: AuditOutcome::Refused,
            request: ctx.request.to_string(),
            detail: json!({ "code": code.as_str() }),
        };
        let attempt = async {
            let mut tx = ctx.app.store.begin().await?;
            berth_store::audit::append(&mut tx, &entry).await?;
            tx.commit().await.map_err(Failure::from)
        };
        match attempt.await {
            Ok(()) => return Ok(()),
            Err(failure) => {
                if !attempts.again(&failure, &ctx.app).await {
                    return Err(failure);
                }
            }
        }
    }
}
