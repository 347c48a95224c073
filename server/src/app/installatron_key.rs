use std::sync::Arc;

use berth_core::id::RequestId;
use berth_core::mode::Mode;
use berth_core::name::Login;
use berth_core::policy::Action;
use berth_core::role::{Actor, Via};
use berth_core::view::ChangeKind;
use berth_core::{Code, Problem, Problems};
use berth_store::{settings, users};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::audited::audit;
use super::authorize::{Target, authorize, refuse};
use super::context::{App, Ctx};
use super::outcome::{Outcome, one_change};
use super::problem::{Failure, retrying};
use crate::secret::token;

/// The setting that holds the digests of the two keys.
const SETTING: &str = "installatron.keys";

/// What every key begins with, so that scanners for leaked secrets know one.
const PREFIX: &str = "installatron_";

/// Digests of the keys, the newest first: the second one is there so that a key can be changed without a
/// moment in which clients are refused.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Keys {
    sha256: Vec<String>,
}

/// Makes a new key for Installatron's API. The one before goes on to work; the one before that does not.
/// The key is in the answer and nowhere else.
///
/// # Errors
/// `forbidden`, `unauthenticated`.
pub async fn rotate_installatron_key(ctx: &Ctx, mode: Mode) -> Result<Outcome<String>, Problems> {
    authorize(ctx, Action::SettingsEdit, &Target::installation(SETTING)).await?;
    let plan = || one_change(ChangeKind::Create, "installatron_key", "key", None);
    if let Some(answer) = Outcome::of_dry_run(mode, plan) {
        return Ok(answer);
    }
    let key = format!("{PREFIX}{}", token(ctx.app.randomness.as_ref()).as_str());
    retrying!(&ctx.app, store(ctx, &key))?;
    Ok(Outcome::Done(key))
}

async fn store(ctx: &Ctx, key: &str) -> Result<(), Failure> {
    let mut tx = ctx.app.store.begin().await?;
    let mut keys: Keys = settings::get(&mut tx, SETTING).await?.unwrap_or_default();
    keys.sha256.insert(0, digest(key));
    keys.sha256.truncate(2);
    settings::set(&mut tx, SETTING, &keys).await?;
    audit(ctx, &mut tx, Action::SettingsEdit, SETTING, None, json!({ "keys": keys.sha256.len() })).await?;
    Ok(tx.commit().await?)
}

/// Finds out whether a key is one of the two; it speaks for the main administrator.
///
/// # Errors
/// `unauthenticated`, and nothing else about why.
pub async fn authenticate_installatron(
    app: &Arc<App>,
    request: RequestId,
    key: &str,
    from: &str,
) -> Result<Actor, Problems> {
    if let Some(actor) = retrying!(app, look(app, key))? {
        return Ok(actor);
    }
    let nobody = Ctx::new(Arc::clone(app), Actor::Anonymous { from: from.to_owned() }, request);
    let problem = Problem::new(Code::Unauthenticated, "the server's key is invalid")
        .hint("`berth installatron rotate-key` makes a new one");
    refuse(&nobody, "installatron.authenticate", &Target::installation("Installatron key"), problem).await?;
    Ok(nobody.actor)
}

async fn look(app: &App, key: &str) -> Result<Option<Actor>, Failure> {
    let mut tx = app.store.read().await?;
    let keys: Keys = settings::get(&mut tx, SETTING).await?.unwrap_or_default();
    let presented = digest(key);
    // Both are compared, whatever the first one says.
    let same = keys
        .sha256
        .iter()
        .map(|stored| stored.as_bytes().ct_eq(presented.as_bytes()))
        .fold(subtle::Choice::from(0), |any, this| any | this);
    if !bool::from(same) {
        return Ok(None);
    }
    let login = Login::first_admin();
    let admin = users::by_login(&mut tx, &login).await?;
    Ok(admin.map(|admin| Actor::Person {
        user: admin.id,
        name: login.to_string(),
        role: admin.role,
        via: Via::Installatron,
        behind: None,
    }))
}

fn digest(key: &str) -> String {
    hex::encode(Sha256::digest(key.as_bytes()))
}
