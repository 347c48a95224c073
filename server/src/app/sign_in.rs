use std::sync::Arc;

use berth_core::audit::{AuditEntry, AuditOutcome};
use berth_core::command::SignIn;
use berth_core::id::{RequestId, SessionId, UserId};
use berth_core::password::Password;
use berth_core::role::{Actor, Role};
use berth_core::session::{LoginOutcome, SessionState};
use berth_core::{Code, Parse, Problem, Problems};
use berth_store::login_history::LoginRecord;
use berth_store::sessions::SessionRecord;
use berth_store::users::{PasswordHash, UserRecord};
use berth_store::{Tx, login_history, second_factors, sessions, users};
use chrono::TimeDelta;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::client::Client;
use super::context::App;
use super::may_sign_in::may_sign_in;
use super::problem::{Failure, retrying};
use super::session::{Session, SessionToken, of};
use super::throttle::{self, Throttle};
use crate::secret::{Verdict, token};

/// Attempts with one name before delays begin.
const FREE_PER_NAME: u64 = 5;

/// Attempts from one address before delays begin.
const FREE_PER_ADDRESS: u64 = 20;

/// For how long a sign-in that waits for its second step stays open.
pub(super) const HALF_OPEN: TimeDelta = TimeDelta::minutes(15);

/// Sessions that one user can have; the oldest end.
const SESSIONS_MAX: u32 = 50;

/// A sign-in that went well: give the token to the client, and look at the session's state for what is next.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// For the cookie.
    pub token: SessionToken,
    /// What it opens.
    pub session: Session,
}

/// Signs somebody in by login or address, and password.
///
/// The session that comes back is [`Full`](SessionState::Full), or waits for
/// [`verify_second_factor`](super::verify_second_factor), or for the enrolment of a second factor
/// ([`begin_second_factor`](super::begin_second_factor), then
/// [`confirm_second_factor`](super::confirm_second_factor)).
///
/// # Errors
/// `sign_in_failed`, the same after the same work whether the user is unknown, the password wrong or the user
/// suspended; `too_many_attempts` with the time to wait, which counts names that nobody has like any other.
pub async fn sign_in(
    app: &Arc<App>,
    request: RequestId,
    client: &Client,
    command: SignIn,
) -> Result<SignedIn, Problems> {
    let attempt = Attempt { app, request, client, name: by_name(&command.name), address: by_address(client) };
    retrying!(app, throttle::charge(app, &[attempt.name.clone(), attempt.address.clone()]))?;
    let found = retrying!(app, attempt.look(&command))?;
    // Somebody unknown, or without a password, costs a hash as well.
    let nobody = app.nobody.get_or_try_init(|| unknown_hash(app)).await?;
    let hash = found.as_ref().and_then(|(_, hash)| hash.as_ref()).map_or(nobody.as_str(), |hash| &hash.0);
    let verdict = app.hasher.verify(&command.password, hash).await?;
    let Some((user, Some(hash))) = found else {
        return retrying!(app, attempt.refuse(None, LoginOutcome::WrongPassword));
    };
    if verdict == Verdict::Wrong {
        return retrying!(app, attempt.refuse(Some(&user), LoginOutcome::WrongPassword));
    }
    let newer = match verdict {
        Verdict::RightButOld => {
            Some(PasswordHash(app.hasher.hash(&command.password, app.randomness.as_ref()).await?))
        }
        _ => None,
    };
    retrying!(app, attempt.open(&user, &hash, newer.as_ref()))
}

/// How attempts with a name are counted. The name itself is not kept: people type passwords here.
pub(super) fn by_name(name: &str) -> Throttle {
    Throttle::new("name", &hex::encode(Sha256::digest(name.to_lowercase().as_bytes())), FREE_PER_NAME)
}

pub(super) fn by_address(client: &Client) -> Throttle {
    Throttle::new("address", client.network(), FREE_PER_ADDRESS)
}

async fn unknown_hash(app: &App) -> Result<String, Problem> {
    let password = Password::parse(&token(app.randomness.as_ref()))?;
    app.hasher.hash(&password, app.randomness.as_ref()).await
}

struct Attempt<'a> {
    app: &'a App,
    request: RequestId,
    client: &'a Client,
    name: Throttle,
    address: Throttle,
}

impl Attempt<'_> {
    async fn look(&self, command: &SignIn) -> Result<Option<(UserRecord, Option<PasswordHash>)>, Failure> {
        let Some(named) = command.user() else { return Ok(None) };
        let mut tx = self.app.store.read().await?;
        let Some(user) = users::find(&mut tx, &named).await? else { return Ok(None) };
        let hash = users::password_hash(&mut tx, user.id).await?;
        Ok(Some((user, hash)))
    }

    async fn refuse(&self, user: Option<&UserRecord>, outcome: LoginOutcome) -> Result<SignedIn, Failure> {
        let mut tx = self.app.store.begin().await?;
        note(self.app, &mut tx, self.client, user.map(|user| user.id), outcome).await?;
        audit_sign_in(self.app, &mut tx, self.request, self.client, user, outcome).await?;
        tx.commit().await?;
        Err(Problem::new(Code::SignInFailed, "the name and the password don't belong together").into())
    }

    /// Opens a session, unless the user has changed meanwhile.
    async fn open(
        &self,
        user: &UserRecord,
        hash: &PasswordHash,
        newer: Option<&PasswordHash>,
    ) -> Result<SignedIn, Failure> {
        let mut tx = self.app.store.begin().await?;
        let current = users::by_id(&mut tx, user.id).await?;
        let unchanged = users::password_hash(&mut tx, user.id).await?.as_ref() == Some(hash);
        let Some(user) = current.filter(|_| unchanged) else {
            drop(tx);
            return self.refuse(Some(user), LoginOutcome::WrongPassword).await;
        };
        if !may_sign_in(&user) {
            drop(tx);
            return self.refuse(Some(&user), LoginOutcome::MayNot).await;
        }
        if let Some(newer) = newer {
            users::rehash(&mut tx, user.id, hash, newer).await?;
        }
        throttle::forget(&mut tx, &self.name).await?;
        throttle::forgive(&mut tx, &self.address).await?;
        let signed_in = open_session(self.app, &mut tx, self.client, &user).await?;
        let outcome = match signed_in.session.state {
            SessionState::Full => LoginOutcome::Success,
            SessionState::NeedsSecondFactor | SessionState::MustEnrol => LoginOutcome::PasswordRight,
        };
        note(self.app, &mut tx, self.client, Some(user.id), outcome).await?;
        audit_sign_in(self.app, &mut tx, self.request, self.client, Some(&user), outcome).await?;
        tx.commit().await?;
        Ok(signed_in)
    }
}

/// Opens a session for somebody who has shown who they are, in the state that their second factor asks for.
pub(super) async fn open_session(
    app: &App,
    tx: &mut Tx,
    client: &Client,
    user: &UserRecord,
) -> Result<SignedIn, Failure> {
    let now = app.clock.now();
    let state = state_after_password(app, tx, user).await?;
    let length = if state == SessionState::Full { app.installation().session_length() } else { HALF_OPEN };
    let session = SessionRecord {
        id: SessionId::new(now, app.randomness.ten()),
        user: user.id,
        state,
        agent: client.agent().to_owned(),
        address: client.address().to_owned(),
        created_at: now,
        used_at: now,
        confirmed_at: now,
        expires_at: now + length,
        impersonation: None,
    };
    let token = SessionToken::generate(app);
    sessions::insert(tx, &session, &token.sha256()).await?;
    sessions::trim(tx, user.id, SESSIONS_MAX).await?;
    let Some(open) = sessions::by_token(tx, &token.sha256()).await? else {
        return Err(Problem::new(Code::Internal, "the session is not there").into());
    };
    let session = of(open, &token, now);
    Ok(SignedIn { token, session })
}

async fn state_after_password(app: &App, tx: &mut Tx, user: &UserRecord) -> Result<SessionState, Failure> {
    let factor = second_factors::get(tx, user.id).await?;
    let enforced = user.role == Role::Admin && app.installation().enforce_2fa_for_admins;
    Ok(if factor.is_on() {
        SessionState::NeedsSecondFactor
    } else if enforced || factor.required_at.is_some() {
        SessionState::MustEnrol
    } else {
        SessionState::Full
    })
}

/// Writes an attempt into the history of the user whom it was made at.
pub(super) async fn note(
    app: &App,
    tx: &mut Tx,
    client: &Client,
    user: Option<UserId>,
    outcome: LoginOutcome,
) -> Result<(), Failure> {
    let Some(user) = user else { return Ok(()) };
    let now = app.clock.now();
    let login = LoginRecord {
        at: now,
        outcome,
        address: client.address().to_owned(),
        agent: client.agent().to_owned(),
    };
    Ok(login_history::append(tx, SessionId::new(now, app.randomness.ten()), user, &login).await?)
}

/// Writes an attempt into the audit log; those that failed within the ration of strangers.
pub(super) async fn audit_sign_in(
    app: &App,
    tx: &mut Tx,
    request: RequestId,
    client: &Client,
    user: Option<&UserRecord>,
    outcome: LoginOutcome,
) -> Result<(), Failure> {
    let now = app.clock.now();
    let done =
        !matches!(outcome, LoginOutcome::WrongPassword | LoginOutcome::WrongCode | LoginOutcome::MayNot);
    if !done && !app.refusals.spend(now) {
        tracing::warn!(from = client.address(), "a sign-in failed, and too often for the audit log");
        return Ok(());
    }
    let actor = Actor::Anonymous { from: client.address().to_owned() };
    let subject = user.map_or_else(
        || "somebody unknown".to_owned(),
        |user| user.login.as_ref().map_or_else(|| user.email.to_string(), ToString::to_string),
    );
    let entry = AuditEntry {
        at: now,
        actor: serde_json::to_value(&actor).unwrap_or_default(),
        actor_label: actor.label(),
        action: "session.sign_in".to_owned(),
        subject,
        user: user.map(|user| user.id),
        outcome: if done { AuditOutcome::Done } else { AuditOutcome::Refused },
        request: request.to_string(),
        detail: json!({ "outcome": outcome }),
    };
    berth_store::audit::append(tx, &entry).await?;
    Ok(())
}
