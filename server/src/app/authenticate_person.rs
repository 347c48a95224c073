use berth_core::audit::{AuditEntry, AuditOutcome};
use berth_core::id::{RequestId, UserId};
use berth_core::password::{Password, generate};
use berth_core::role::{Actor, UserRef, Via};
use berth_core::{Code, Parse, Problem, Problems};
use berth_store::users::UserRecord;
use berth_store::{plesk_keys, second_factors, users};
use serde_json::json;

use super::context::App;
use super::may_sign_in::closed_out;
use super::problem::{Failure, retrying};
use crate::secret::Verdict;

/// Finds out who signs in with a login or an address and a password, for one request of a dialect.
///
/// It takes a hash whatever is wrong, so that the time tells nothing.
///
/// # Errors
/// `unauthenticated`, and the same whatever is wrong: the login, the password, or that there is none.
pub async fn authenticate_person(
    app: &App,
    request: RequestId,
    (login, password): (&str, &str),
    via: Via,
    from: &str,
) -> Result<Actor, Problems> {
    let named = UserRef::parse(login).ok().filter(|named| !matches!(named, UserRef::Id(_)));
    let found = retrying!(app, look(app, named.as_ref()))?;
    let nobody = app.nobody.get_or_try_init(|| nobody(app)).await?;
    let (user, hash) = match found {
        Some((user, Some(hash))) => (Some(user), hash),
        Some((_, None)) | None => (None, nobody.clone()),
    };
    // What can't be a password is compared all the same.
    let password = Password::parse(password).unwrap_or_else(|_| generate(|| 0));
    let verdict = app.hasher.verify(&password, &hash).await?;
    match user {
        Some(user) if verdict != Verdict::Wrong => {
            closed_out(&user)?;
            Ok(person(&user, via))
        }
        _ => {
            retrying!(app, note_refusal(app, request, from, "password"))?;
            Err(refused().into())
        }
    }
}

/// Finds out whose key of Plesk's API a client presents.
///
/// # Errors
/// `unauthenticated`, and the same whatever is wrong.
pub async fn authenticate_plesk_key(
    app: &App,
    request: RequestId,
    key: &str,
    from: &str,
) -> Result<Actor, Problems> {
    let sha256 = super::plesk_keys::fingerprint(key);
    let found = retrying!(app, async {
        let mut tx = app.store.read().await?;
        let Some(key) = plesk_keys::by_secret(&mut tx, &sha256).await? else { return Ok::<_, Failure>(None) };
        if key.address.as_ref().is_some_and(|address| address != from) {
            return Ok(None);
        }
        Ok(users::by_id(&mut tx, key.user).await?)
    })?;
    let Some(user) = found else {
        retrying!(app, note_refusal(app, request, from, "secret key"))?;
        return Err(refused().into());
    };
    closed_out(&user)?;
    Ok(person(&user, Via::Plesk))
}

fn person(user: &UserRecord, via: Via) -> Actor {
    let name = user.login.as_ref().map_or_else(|| user.email.to_string(), ToString::to_string);
    Actor::Person { user: user.id, name, role: user.role, via, behind: None }
}

fn refused() -> Problem {
    Problem::new(Code::Unauthenticated, "the credentials are not valid")
}

async fn look(app: &App, named: Option<&UserRef>) -> Result<Option<(UserRecord, Option<String>)>, Failure> {
    let Some(named) = named else { return Ok(None) };
    let mut tx = app.store.read().await?;
    let Some(user) = users::find(&mut tx, named).await? else { return Ok(None) };
    // A password alone is not enough for whoever has, or has to have, a second factor: they use a key.
    let factor = second_factors::get(&mut tx, user.id).await?;
    let is_enough = factor.confirmed_at.is_none() && factor.required_at.is_none();
    let hash = if is_enough { users::password_hash(&mut tx, user.id).await? } else { None };
    Ok(Some((user, hash.map(|hash| hash.0))))
}

/// The hash of a password that nobody has.
async fn nobody(app: &App) -> Result<String, Problem> {
    let password = super::set_password::generate_password(app);
    app.hasher.hash(&password, app.randomness.as_ref()).await
}

async fn note_refusal(app: &App, request: RequestId, from: &str, kind: &str) -> Result<(), Failure> {
    let now = app.clock.now();
    if !app.refusals.spend(now) {
        tracing::warn!(from, "a sign-in was refused, and too often for the audit log");
        return Ok(());
    }
    let actor = Actor::Anonymous { from: from.to_owned() };
    let entry = AuditEntry {
        at: now,
        actor: serde_json::to_value(&actor).unwrap_or_default(),
        actor_label: actor.label(),
        action: "user.sign_in".to_owned(),
        // Not the login: people type passwords there.
        subject: "sign-in".to_owned(),
        user: None::<UserId>,
        outcome: AuditOutcome::Refused,
        request: request.to_string(),
        detail: json!({ "via": "plesk", "by": kind }),
    };
    let mut tx = app.store.begin().await?;
    berth_store::audit::append(&mut tx, &entry).await?;
    Ok(tx.commit().await?)
}
