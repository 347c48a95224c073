use berth_core::audit::{AuditEntry, AuditOutcome};
use berth_core::id::RequestId;
use berth_core::role::Actor;
use berth_core::{Code, Problem, Problems};
use berth_store::api_keys::{self, ApiKeyRecord};
use berth_store::users;
use serde_json::json;
use subtle::ConstantTimeEq;

use super::context::App;
use super::create_api_key::presented;
use super::may_sign_in::closed_out;
use super::problem::{Failure, retrying};

/// Finds out whose key a client presents (`berth_<id>_<secret>`, without `Bearer`).
///
/// # Errors
/// `unauthenticated`, and the same whatever is wrong: the form, the key, its secret, its age. `user_suspended`
/// for whoever has shown a good key and is suspended.
pub async fn authenticate(
    app: &App,
    request: RequestId,
    bearer: &str,
    from: &str,
) -> Result<Actor, Problems> {
    let found = retrying!(app, look(app, bearer))?;
    match found {
        Ok(known) => {
            if known.is_news {
                retrying!(app, note_use(app, &known.key))?;
            }
            Ok(known.actor)
        }
        Err(why) => {
            retrying!(app, note_refusal(app, request, from, &why))?;
            if let Some(problem) = why.told {
                return Err(problem.into());
            }
            Err(Problem::new(Code::Unauthenticated, "the API key is not valid")
                .hint("it may be mistyped, expired or revoked; `berth api-key list` shows every key")
                .into())
        }
    }
}

/// A key that is valid.
struct Known {
    key: ApiKeyRecord,
    actor: Actor,
    /// Whether this is its first use in this minute.
    is_news: bool,
}

/// Why a key is not valid: for the log, never for the client.
struct Why {
    what: &'static str,
    key: Option<ApiKeyRecord>,
    /// What somebody is told who has shown that the key is theirs.
    told: Option<Problem>,
}

async fn look(app: &App, bearer: &str) -> Result<Result<Known, Why>, Failure> {
    let refused = |what, key| Ok(Err(Why { what, key, told: None }));
    let Some((id, presented)) = presented(bearer) else { return refused("malformed", None) };
    let mut tx = app.store.read().await?;
    let stored = api_keys::secret_sha256(&mut tx, id).await?;
    // An unknown id is compared as well, so that it takes as long as a wrong secret.
    let comparable = stored.clone().unwrap_or_else(|| "0".repeat(64));
    let is_same = bool::from(comparable.as_bytes().ct_eq(presented.as_bytes()));
    let key = api_keys::by_id(&mut tx, id).await?;
    let Some(key) = key.filter(|_| stored.is_some()) else { return refused("unknown", None) };
    if !is_same {
        return refused("wrong secret", Some(key));
    }
    let now = app.clock.now();
    if key.revoked_at.is_some() {
        return refused("revoked", Some(key));
    }
    if key.expires_at.is_some_and(|at| at <= now) {
        return refused("expired", Some(key));
    }
    let Some(user) = users::by_id(&mut tx, key.user).await? else { return refused("no owner", Some(key)) };
    if let Err(problem) = closed_out(&user) {
        return Ok(Err(Why { what: "its owner is closed out", key: Some(key), told: Some(problem) }));
    }
    let name = user.login.map_or_else(|| user.email.to_string(), |login| login.to_string());
    let actor =
        Actor::ApiKey { key: key.id, user: user.id, name, role: user.role, scopes: key.scopes.clone() };
    let is_news = key.used_at.is_none_or(|used| used < api_keys::minute_of(now));
    Ok(Ok(Known { key, actor, is_news }))
}

async fn note_use(app: &App, key: &ApiKeyRecord) -> Result<(), Failure> {
    let mut tx = app.store.begin().await?;
    api_keys::used(&mut tx, key.id, app.clock.now()).await?;
    Ok(tx.commit().await?)
}

async fn note_refusal(app: &App, request: RequestId, from: &str, why: &Why) -> Result<(), Failure> {
    let now = app.clock.now();
    if !app.refusals.spend(now) {
        tracing::warn!(from, why = why.what, "an API key was refused, and too often for the audit log");
        return Ok(());
    }
    let actor = Actor::Anonymous { from: from.to_owned() };
    let entry = AuditEntry {
        at: now,
        actor: serde_json::to_value(&actor).unwrap_or_default(),
        actor_label: actor.label(),
        action: "api_key.authenticate".to_owned(),
        subject: why.key.as_ref().map_or_else(|| "API key".to_owned(), |key| format!("API key {}", key.id)),
        user: why.key.as_ref().map(|key| key.user),
        outcome: AuditOutcome::Refused,
        request: request.to_string(),
        detail: json!({ "why": why.what }),
    };
    let mut tx = app.store.begin().await?;
    berth_store::audit::append(&mut tx, &entry).await?;
    Ok(tx.commit().await?)
}
