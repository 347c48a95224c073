use std::sync::Arc;

use berth_core::Problems;
use berth_core::id::{RequestId, SessionId};
use berth_core::role::{Actor, Impersonator, Role, Via};
use berth_core::session::SessionState;
use berth_store::api_keys::minute_of;
use berth_store::sessions::{self, OpenSession, SessionUser};
use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::client::Client;
use super::context::{App, Ctx};
use super::problem::{Failure, retrying};

/// For how long a password that was given counts for what is dangerous.
pub(super) const CONFIRMATION: TimeDelta = TimeDelta::minutes(15);

/// The token of a session, as a cookie holds it. It is in no log, and only its hash is in the database.
#[derive(Clone)]
pub struct SessionToken(Zeroizing<String>);

impl SessionToken {
    /// A token that a client presents.
    pub fn new(presented: &str) -> Self {
        Self(Zeroizing::new(presented.to_owned()))
    }

    pub(super) fn generate(app: &App) -> Self {
        Self(crate::secret::token(app.randomness.as_ref()))
    }

    /// The text, for the cookie and nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub(super) fn sha256(&self) -> String {
        hex::encode(Sha256::digest(self.0.as_bytes()))
    }
}

impl std::fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionToken(…)")
    }
}

/// A session that is good now.
#[derive(Debug, Clone)]
pub struct Session {
    /// The session.
    pub id: SessionId,
    /// Who signed in.
    pub user: SessionUser,
    /// How far. Nothing but going on with the sign-in is possible before [`SessionState::Full`].
    pub state: SessionState,
    /// When the password was given last.
    pub confirmed_at: DateTime<Utc>,
    /// When it ends at the latest.
    pub expires_at: DateTime<Utc>,
    /// In whose place the user, an administrator, acts at the moment.
    pub in_place_of: Option<InPlaceOf>,
    csrf: String,
}

/// In whose place an administrator acts.
#[derive(Debug, Clone)]
pub struct InPlaceOf {
    /// The other user.
    pub user: SessionUser,
    /// Why, in the administrator's words.
    pub reason: String,
    /// Until when.
    pub until: DateTime<Utc>,
}

impl Session {
    /// Who asks by this session; nobody until the sign-in is complete.
    pub fn actor(&self) -> Option<Actor> {
        if self.state != SessionState::Full {
            return None;
        }
        Some(match &self.in_place_of {
            None => self.own_actor(),
            Some(other) => Actor::Person {
                user: other.user.id,
                name: other.user.name.clone(),
                role: other.user.role,
                via: Via::Session(self.id),
                behind: Some(Impersonator { user: self.user.id, name: self.user.name.clone() }),
            },
        })
    }

    /// The person who signed in, whatever they do at the moment.
    pub(super) fn own_actor(&self) -> Actor {
        Actor::Person {
            user: self.user.id,
            name: self.user.name.clone(),
            role: self.user.role,
            via: Via::Session(self.id),
            behind: None,
        }
    }

    /// A request of this session, once the sign-in is complete.
    pub fn ctx(&self, app: &Arc<App>, request: RequestId) -> Option<Ctx> {
        let mut ctx = Ctx::new(Arc::clone(app), self.actor()?, request);
        ctx.confirmed_at = Some(self.confirmed_at);
        Some(ctx)
    }

    /// The user whom pages are about: the other one while the administrator acts in somebody's place.
    pub fn acting(&self) -> &SessionUser {
        self.in_place_of.as_ref().map_or(&self.user, |other| &other.user)
    }

    /// Whether the password was given lately enough for something dangerous.
    pub fn is_confirmed(&self, now: DateTime<Utc>) -> bool {
        now - self.confirmed_at < CONFIRMATION
    }

    /// What every form of this session carries against requests that other sites make. It changes with the
    /// sign-in's state and with whose place is taken, so that a form from before does nothing after.
    pub fn csrf_token(&self) -> &str {
        &self.csrf
    }

    /// Whether a request carries the token.
    pub fn is_csrf_token(&self, presented: &str) -> bool {
        bool::from(self.csrf.as_bytes().ct_eq(presented.as_bytes()))
    }
}

/// Finds the session of a token, if it is good: one indexed read, and one write a minute while it is used.
///
/// # Errors
/// Only if the database fails. A token that is unknown, expired or revoked is nobody's.
pub async fn session(app: &App, token: &SessionToken, client: &Client) -> Result<Option<Session>, Problems> {
    let now = app.clock.now();
    let Some(open) = retrying!(app, read(app, token))? else { return Ok(None) };
    let idle_since = now - app.installation().session_idle();
    if open.session.expires_at <= now || open.session.used_at < minute_of(idle_since) {
        return Ok(None);
    }
    if open.session.used_at < minute_of(now) {
        retrying!(app, note_use(app, open.session.id, now, client))?;
    }
    Ok(Some(of(open, token, now)))
}

async fn read(app: &App, token: &SessionToken) -> Result<Option<OpenSession>, Failure> {
    let mut tx = app.store.read().await?;
    Ok(sessions::by_token(&mut tx, &token.sha256()).await?)
}

async fn note_use(app: &App, id: SessionId, now: DateTime<Utc>, client: &Client) -> Result<(), Failure> {
    let mut tx = app.store.begin().await?;
    sessions::used(&mut tx, id, minute_of(now), client.address()).await?;
    Ok(tx.commit().await?)
}

pub(super) fn of(open: OpenSession, token: &SessionToken, now: DateTime<Utc>) -> Session {
    let OpenSession { session, user, in_place_of } = open;
    let in_place_of = in_place_of
        // Neither outlives a change of role on either side.
        .filter(|(other, _, until)| *until > now && user.role == Role::Admin && other.role != Role::Admin)
        .map(|(user, reason, until)| InPlaceOf { user, reason, until });
    let place = in_place_of.as_ref().map(|other| other.user.id.to_string()).unwrap_or_default();
    let csrf = Sha256::new()
        .chain_update(b"csrf\0")
        .chain_update(token.expose().as_bytes())
        .chain_update(b"\0")
        .chain_update(place.as_bytes())
        .finalize();
    Session {
        id: session.id,
        user,
        state: session.state,
        confirmed_at: session.confirmed_at,
        expires_at: session.expires_at,
        in_place_of,
        csrf: hex::encode(csrf),
    }
}
