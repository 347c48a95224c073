//! A forgotten password, and the first one: links that let their user set a password.

use std::sync::Arc;

use berth_core::id::{MailId, RequestId};
use berth_core::mail::{LinkKind, MailKind};
use berth_core::password::Password;
use berth_core::role::{Actor, UserRef};
use berth_core::view::LinkView;
use berth_core::{Parse, Problems};
use berth_store::users::{PasswordHash, UserRecord};
use berth_store::{accounts, links, second_factors, sessions, users};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::audited::audit_as;
use super::client::Client;
use super::context::App;
use super::link::{self, sha256};
use super::mail::{Addressee, queue};
use super::may_sign_in::may_sign_in;
use super::problem::{Failure, retrying};
use super::set_password::{check_password, known_about_user};
use super::sign_in::by_address;
use super::throttle::{self, Throttle};

/// Requests for one name before delays begin.
const FREE_PER_NAME: u64 = 3;

/// The kinds of link that let their user set a password.
const KINDS: &[LinkKind] = &[LinkKind::SetPassword, LinkKind::Recovery];

/// Sends a link to replace a forgotten password, if somebody of this login or address may sign in. The answer is
/// the same if nobody may.
///
/// # Errors
/// `too_many_attempts`.
pub async fn request_recovery(
    app: &App,
    request: RequestId,
    client: &Client,
    name: &str,
) -> Result<(), Problems> {
    let folded = hex::encode(Sha256::digest(name.trim().to_lowercase().as_bytes()));
    let by_name = Throttle::new("recovery", &folded, FREE_PER_NAME);
    retrying!(app, throttle::charge(app, &[by_name.clone(), by_address(client)]))?;
    let named = UserRef::parse(name.trim()).ok().filter(|user| !matches!(user, UserRef::Id(_)));
    retrying!(app, async {
        let mut tx = app.store.begin().await?;
        let user = match &named {
            Some(named) => users::find(&mut tx, named).await?,
            None => None,
        };
        let Some(user) = user else { return Ok(()) };
        if !may_sign_in(&user) {
            return Ok(());
        }
        link::make(app, &mut tx, user.id, LinkKind::Recovery).await?;
        let mail = MailId::new(app.clock.now(), app.randomness.ten());
        queue(app, &mut tx, mail, MailKind::Recovery, Addressee::from(&user), json!({})).await?;
        let actor = Actor::Anonymous { from: client.address().to_owned() };
        audit_as(app, request, &mut tx, &actor, "recovery.request", &user, json!({})).await?;
        Ok(tx.commit().await?)
    })
}

/// Whose password a link sets, for the page that it leads to. Looking does not use it up.
///
/// # Errors
/// `link_invalid`.
pub async fn show_password_link(app: &App, token: &str) -> Result<LinkView, Problems> {
    retrying!(app, async {
        let mut tx = app.store.read().await?;
        let (link, user) = link::find(app, &mut tx, token, KINDS).await?;
        let name = user.login.map_or_else(|| user.email.to_string(), |login| login.to_string());
        Ok(LinkView { kind: link.kind, name, display_name: user.display_name, expires_at: link.expires_at })
    })
}

/// Sets a password by a link, which works once. Every session and every other link of the user ends. Signing in
/// comes next, with the second factor as ever.
///
/// # Errors
/// `link_invalid`, `password_invalid` at `password`, which leaves the link as it is.
pub async fn set_password_by_link(
    app: &Arc<App>,
    request: RequestId,
    client: &Client,
    token: &str,
    password: &Password,
) -> Result<(), Problems> {
    let about = retrying!(app, about(app, token))?;
    check_password(app, password, &about)?;
    let hash = PasswordHash(app.hasher.hash(password, app.randomness.as_ref()).await?);
    retrying!(app, attempt(app, request, client, token, &hash))
}

async fn about(app: &App, token: &str) -> Result<Vec<String>, Failure> {
    let mut tx = app.store.read().await?;
    let (_, user) = link::find(app, &mut tx, token, KINDS).await?;
    let account = accounts::of_user(&mut tx, user.id).await?;
    Ok(known_about_user(&user, account.as_ref()))
}

async fn attempt(
    app: &App,
    request: RequestId,
    client: &Client,
    token: &str,
    hash: &PasswordHash,
) -> Result<(), Failure> {
    let mut tx = app.store.begin().await?;
    let (link, user) = link::find(app, &mut tx, token, KINDS).await?;
    if links::take(&mut tx, &sha256(token)).await?.is_none() {
        return Err(link::invalid().into());
    }
    replace_password(app, &mut tx, &user, hash).await?;
    let actor = Actor::Anonymous { from: client.address().to_owned() };
    let detail = json!({ "by": link.kind });
    audit_as(app, request, &mut tx, &actor, "user.set_password", &user, detail).await?;
    Ok(tx.commit().await?)
}

/// Stores a password and ends whatever the old one had opened.
pub(super) async fn replace_password(
    app: &App,
    tx: &mut berth_store::Tx,
    user: &UserRecord,
    hash: &PasswordHash,
) -> Result<(), Failure> {
    users::set_password(tx, user.id, hash, app.clock.now()).await?;
    sessions::delete_of(tx, user.id, None).await?;
    links::delete_of(tx, user.id).await?;
    Ok(())
}

/// What `berth admin recover` gives back to an administrator whom nothing else lets in: the second factor is taken
/// away, as are delays.
pub(super) async fn open_all_doors(tx: &mut berth_store::Tx, user: &UserRecord) -> Result<(), Failure> {
    second_factors::clear(tx, user.id).await?;
    second_factors::require(tx, user.id, None).await?;
    let names = [user.login.as_ref().map(ToString::to_string), Some(user.email.to_string())];
    for name in names.into_iter().flatten() {
        throttle::forget(tx, &super::sign_in::by_name(&name)).await?;
    }
    for kind in ["code", "confirm"] {
        throttle::forget(tx, &Throttle::new(kind, &user.id.to_string(), 0)).await?;
    }
    Ok(())
}
