use berth_core::command::CreateApiKey;
use berth_core::id::ApiKeyId;
use berth_core::mode::Mode;
use berth_core::policy::Action;
use berth_core::role::{Actor, UserRef};
use berth_core::view::{ChangeKind, CreatedApiKey};
use berth_core::{Code, Problem, Problems};
use berth_store::api_keys;
use berth_store::api_keys::ApiKeyRecord;
use chrono::TimeDelta;
use serde_json::json;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::audited::audit;
use super::authorize::{Target, refuse};
use super::context::Ctx;
use super::idempotency::Request;
use super::outcome::{Outcome, one_change};
use super::problem::{Failure, retrying};
use super::subject::Subject;
use super::view::api_key_view;
use crate::secret::token;

/// Creates a key for the API, of the caller or of somebody else. The secret is in the answer and nowhere else;
/// repeating the request under the same idempotency key answers with an empty one.
///
/// # Errors
/// `user_not_found`, `forbidden` for scopes that the caller's own key does not have, `field_missing` if root
/// says no user, `idempotency_conflict`.
pub async fn create_api_key(
    ctx: &Ctx,
    command: CreateApiKey,
    mode: Mode,
) -> Result<Outcome<CreatedApiKey>, Problems> {
    let named = match (&command.user, ctx.actor.user()) {
        (Some(named), _) => named.clone(),
        (None, Some(me)) => UserRef::Id(me),
        // Whoever is no user has to say whose key it shall be; a stranger is turned away first.
        (None, None) => {
            let target = Target::installation(command.label.as_str());
            super::authorize::authorize(ctx, Action::ApiKeyCreate, &target).await?;
            return Err(Problem::new(Code::FieldMissing, "`user` is required").at("user").into());
        }
    };
    let subject = Subject::authorized(ctx, Action::ApiKeyCreate, &named).await?;
    if let Actor::ApiKey { scopes, .. } = &ctx.actor
        && let Some(more) = command.scopes.iter().find(|scope| !scopes.contains(scope))
    {
        // Otherwise a key that may only make keys could make one that may do anything.
        let problem = Problem::new(
            Code::Forbidden,
            format!("this key does not have the scope `{}` and can't give it", more.as_str()),
        )
        .at("scopes");
        let target = Target { user: Some(subject.user.id), ..Target::installation(subject.name()) };
        refuse(ctx, Action::ApiKeyCreate.as_str(), &target, problem).await?;
    }
    let request = Request::new(ctx, Action::ApiKeyCreate, &(subject.user.id, &command))?;
    retrying!(&ctx.app, attempt(ctx, &subject, &command, &request, mode))
}

async fn attempt(
    ctx: &Ctx,
    subject: &Subject,
    command: &CreateApiKey,
    request: &Request,
    mode: Mode,
) -> Result<Outcome<CreatedApiKey>, Failure> {
    let mut tx = ctx.open(mode).await?;
    if let Some(done) = request.replay(&mut tx, mode).await? {
        return Ok(Outcome::Done(done));
    }
    let subject = subject.again(&mut tx).await?;
    let plan = || {
        let scopes: Vec<_> = command.scopes.iter().map(|scope| scope.as_str()).collect();
        let detail = format!("of {}, for {}", subject.name(), scopes.join(", "));
        one_change(ChangeKind::Create, "api_key", command.label.as_str(), Some(detail))
    };
    if let Some(answer) = Outcome::of_dry_run(mode, plan) {
        return Ok(answer);
    }
    let now = ctx.app.clock.now();
    let key = ApiKeyRecord {
        id: ApiKeyId::new(now, ctx.app.randomness.ten()),
        user: subject.user.id,
        label: command.label.as_str().to_owned(),
        scopes: command.scopes.clone(),
        created_at: now,
        expires_at: command.expires_in_days.map(|days| now + TimeDelta::days(days.into())),
        used_at: None,
        revoked_at: None,
    };
    let secret = token(ctx.app.randomness.as_ref());
    api_keys::insert(&mut tx, &key, &fingerprint(&secret)).await?;
    let detail = json!({ "label": key.label, "scopes": key.scopes, "expires_at": key.expires_at });
    let mut created = CreatedApiKey { key: api_key_view(key), secret: String::new() };
    request.remember(&mut tx, &created).await?;
    let of = subject.name();
    audit(ctx, &mut tx, Action::ApiKeyCreate, of, Some(subject.user.id), detail).await?;
    tx.commit().await?;
    created.secret = format!("{PREFIX}{}_{}", created.key.id.0.simple(), secret.as_str());
    Ok(Outcome::Done(created))
}

/// What every key begins with, so that scanners for leaked secrets know one.
const PREFIX: &str = "berth_";

/// What the database holds of a secret. It has 256 random bits, so a plain hash gives nothing away.
fn fingerprint(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

/// A key as a client presents it, taken apart: its id, and what its secret is compared by.
pub(super) fn presented(bearer: &str) -> Option<(ApiKeyId, Zeroizing<String>)> {
    let (id, secret) = bearer.strip_prefix(PREFIX)?.split_once('_')?;
    let id = uuid::Uuid::try_parse(id).ok().filter(|_| id.len() == 32)?;
    Some((ApiKeyId(id), Zeroizing::new(fingerprint(secret))))
}
