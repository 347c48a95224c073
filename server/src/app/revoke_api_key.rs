use berth_core::id::ApiKeyId;
use berth_core::mode::Mode;
use berth_core::policy::{Action, Relation};
use berth_core::view::{ApiKeyView, ChangeKind};
use berth_core::{Code, Problem, Problems};
use berth_store::api_keys;
use berth_store::api_keys::ApiKeyRecord;
use serde_json::json;

use super::audited::audit;
use super::authorize::{Target, authorize};
use super::context::Ctx;
use super::outcome::{Outcome, one_change};
use super::problem::{Failure, retrying};
use super::subject::Subject;
use super::view::api_key_view;

/// Revokes a key; its next request is refused. Revoking it again changes nothing.
///
/// # Errors
/// `api_key_not_found`.
pub async fn revoke_api_key(ctx: &Ctx, id: ApiKeyId, mode: Mode) -> Result<Outcome<ApiKeyView>, Problems> {
    let (key, relation) = retrying!(&ctx.app, look(ctx, id))?;
    let target = Target {
        relation,
        name: format!("API key {id}"),
        user: key.as_ref().map(|key| key.user),
        missing: missing(id),
    };
    authorize(ctx, Action::ApiKeyRevoke, &target).await?;
    retrying!(&ctx.app, attempt(ctx, id, mode))
}

async fn look(ctx: &Ctx, id: ApiKeyId) -> Result<(Option<ApiKeyRecord>, Relation), Failure> {
    let mut tx = ctx.app.store.read().await?;
    let Some(key) = api_keys::by_id(&mut tx, id).await? else { return Ok((None, Relation::Foreign)) };
    let relation = Subject::relation_of(&mut tx, ctx, Action::ApiKeyRevoke, key.user).await?;
    Ok((Some(key), relation))
}

async fn attempt(ctx: &Ctx, id: ApiKeyId, mode: Mode) -> Result<Outcome<ApiKeyView>, Failure> {
    let mut tx = ctx.open(mode).await?;
    let key = api_keys::by_id(&mut tx, id).await?.ok_or_else(|| missing(id))?;
    let plan = || {
        let kind = if key.revoked_at.is_some() { ChangeKind::Keep } else { ChangeKind::Remove };
        one_change(kind, "api_key", key.label.clone(), Some("its next request is refused".to_owned()))
    };
    if let Some(answer) = Outcome::of_dry_run(mode, plan) {
        return Ok(answer);
    }
    let now = ctx.app.clock.now();
    if !api_keys::revoke(&mut tx, id, now).await? {
        return Ok(Outcome::Done(api_key_view(key)));
    }
    let detail = json!({ "label": key.label });
    audit(ctx, &mut tx, Action::ApiKeyRevoke, format!("API key {id}"), Some(key.user), detail).await?;
    tx.commit().await?;
    Ok(Outcome::Done(api_key_view(ApiKeyRecord { revoked_at: Some(now), ..key })))
}

fn missing(id: ApiKeyId) -> Problem {
    Problem::new(Code::ApiKeyNotFound, format!("there is no API key {id}"))
}
