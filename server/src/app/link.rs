//! Links that are mailed. A token is computed from the keyring and the row that it belongs to, so that a mail can
//! be written again without the token having been stored anywhere; the database has its hash.

use berth_core::id::{InvitationId, LinkId, UserId};
use berth_core::mail::{INVITATION_PATH, LinkKind};
use berth_core::{Code, Problem};
use berth_store::links::{self, LinkRecord};
use berth_store::users::UserRecord;
use berth_store::{Tx, users};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::context::App;
use super::may_sign_in::may_sign_in;
use super::problem::Failure;

/// The token of a link.
pub(super) fn link_token(app: &App, id: LinkId) -> Result<Zeroizing<String>, Problem> {
    token(app, "link", &id.to_string())
}

/// The token of an invitation in one of its generations.
pub(super) fn invitation_token(
    app: &App,
    id: InvitationId,
    generation: u64,
) -> Result<Zeroizing<String>, Problem> {
    token(app, "invitation", &format!("{id}/{generation}"))
}

fn token(app: &App, purpose: &str, of: &str) -> Result<Zeroizing<String>, Problem> {
    let mac = app.keyring.fingerprint(purpose, of.as_bytes()).map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "the keyring can't be used");
        Problem::new(Code::Internal, "the keyring can't be used")
    })?;
    Ok(Zeroizing::new(mac.rsplit(':').next().unwrap_or_default().to_owned()))
}

pub(super) fn sha256(token: &str) -> String {
    hex::encode(Sha256::digest(token.as_bytes()))
}

/// The address of a link, for a mail.
pub(super) fn link_address(app: &App, link: &LinkRecord) -> Result<String, Problem> {
    Ok(format!("{}{}{}", panel(app), link.kind.path(), link_token(app, link.id)?.as_str()))
}

/// The address of an invitation, for a mail or to be copied.
pub(super) fn invitation_address(app: &App, id: InvitationId, generation: u64) -> Result<String, Problem> {
    Ok(format!("{}{INVITATION_PATH}{}", panel(app), invitation_token(app, id, generation)?.as_str()))
}

/// The panel's address: as the operator has said, or the node's name and the panel's port.
pub(super) fn panel(app: &App) -> String {
    let said = app.settings.panel_url.as_deref().map(|url| url.trim_end_matches('/').to_owned());
    said.unwrap_or_else(|| format!("https://{}:8443", app.settings.node))
}

/// Makes a link, instead of the one of that kind that the user had.
pub(super) async fn make(
    app: &App,
    tx: &mut Tx,
    user: UserId,
    kind: LinkKind,
) -> Result<LinkRecord, Failure> {
    let now = app.clock.now();
    let link = LinkRecord {
        id: LinkId::new(now, app.randomness.ten()),
        kind,
        user,
        created_at: now,
        expires_at: now + kind.lifetime(),
    };
    links::put(tx, &link, &sha256(&link_token(app, link.id)?)).await?;
    Ok(link)
}

/// The link of a token and its user, if it works now. Of somebody who may not sign in, no link works.
pub(super) async fn find(
    app: &App,
    tx: &mut Tx,
    token: &str,
    kinds: &[LinkKind],
) -> Result<(LinkRecord, UserRecord), Failure> {
    let found = links::by_token(tx, &sha256(token)).await?;
    let good = found.filter(|link| kinds.contains(&link.kind) && link.expires_at > app.clock.now());
    let Some(link) = good else { return Err(invalid().into()) };
    let user = users::by_id(tx, link.user).await?;
    match user {
        Some(user) if may_sign_in(&user) => Ok((link, user)),
        _ => Err(invalid().into()),
    }
}

pub(super) fn invalid() -> Problem {
    Problem::new(Code::LinkInvalid, "the link was used, replaced or is too old")
}
