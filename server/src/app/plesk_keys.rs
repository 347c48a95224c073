use berth_core::id::{ApiKeyId, UserId};
use berth_core::policy::Action;
use berth_core::role::UserRef;
use berth_core::{Code, Problem, Problems};
use berth_store::plesk_keys::{self, PleskKeyRecord};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::audited::audit;
use super::authorize::{Target, authorize};
use super::context::Ctx;
use super::problem::{Failure, retrying};
use super::subject::Subject;

/// A key of Plesk's API as answers show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PleskKeyView {
    /// The key's id, which is not the key.
    pub id: ApiKeyId,
    /// The only address that it may be used from.
    pub address: Option<String>,
    /// What its owner says about it.
    pub description: String,
    /// The user whose rights it has.
    pub user: UserId,
}

/// Makes a key of Plesk's API with all rights of a user. The key is in the answer and nowhere else.
///
/// # Errors
/// `user_not_found`, `forbidden`.
pub async fn create_plesk_key(
    ctx: &Ctx,
    user: &UserRef,
    address: Option<String>,
    description: &str,
) -> Result<String, Problems> {
    authorize(ctx, Action::SettingsEdit, &Target::installation("Plesk key")).await?;
    let subject = Subject::authorized(ctx, Action::ApiKeyCreate, user).await?;
    let mut random = [0; 16];
    ctx.app.randomness.fill(&mut random);
    let key = uuid::Builder::from_random_bytes(random).into_uuid().to_string();
    let now = ctx.app.clock.now();
    let record = PleskKeyRecord {
        id: ApiKeyId::new(now, ctx.app.randomness.ten()),
        user: subject.user.id,
        address,
        description: description.chars().filter(|c| !c.is_control()).take(255).collect(),
        created_at: now,
    };
    retrying!(&ctx.app, async {
        let mut tx = ctx.app.store.begin().await?;
        plesk_keys::insert(&mut tx, &record, &fingerprint(&key)).await?;
        let detail = json!({ "kind": "plesk", "address": record.address, "description": record.description });
        audit(ctx, &mut tx, Action::ApiKeyCreate, subject.name(), Some(record.user), detail).await?;
        Ok::<_, Failure>(tx.commit().await?)
    })?;
    Ok(key)
}

/// Every key of Plesk's API, or the one that is named.
///
/// # Errors
/// `forbidden`, `api_key_not_found`.
pub async fn list_plesk_keys(ctx: &Ctx, key: Option<&str>) -> Result<Vec<PleskKeyView>, Problems> {
    authorize(ctx, Action::SettingsEdit, &Target::installation("Plesk keys")).await?;
    let found = retrying!(&ctx.app, async {
        let mut tx = ctx.app.store.read().await?;
        Ok::<_, Failure>(match key {
            None => plesk_keys::list(&mut tx).await?,
            Some(key) => plesk_keys::by_secret(&mut tx, &fingerprint(key)).await?.into_iter().collect(),
        })
    })?;
    if key.is_some() && found.is_empty() {
        return Err(missing().into());
    }
    let view = |key: PleskKeyRecord| PleskKeyView {
        id: key.id,
        address: key.address,
        description: key.description,
        user: key.user,
    };
    Ok(found.into_iter().map(view).collect())
}

/// Deletes a key of Plesk's API.
///
/// # Errors
/// `forbidden`, `api_key_not_found`.
pub async fn delete_plesk_key(ctx: &Ctx, id: ApiKeyId) -> Result<(), Problems> {
    authorize(ctx, Action::SettingsEdit, &Target::installation("Plesk key")).await?;
    retrying!(&ctx.app, async {
        let mut tx = ctx.app.store.begin().await?;
        if !plesk_keys::remove(&mut tx, id).await? {
            return Err(Failure::from(missing()));
        }
        let detail = json!({ "kind": "plesk" });
        audit(ctx, &mut tx, Action::ApiKeyRevoke, format!("Plesk key {id}"), None, detail).await?;
        Ok(tx.commit().await?)
    })
}

fn missing() -> Problem {
    Problem::new(Code::ApiKeyNotFound, "there is no such key")
}

/// What the database holds of a key. It has 122 random bits, so a plain hash gives nothing away.
pub(super) fn fingerprint(key: &str) -> String {
    hex::encode(Sha256::digest(key.trim().to_ascii_lowercase().as_bytes()))
}
