use berth_core::id::RequestId;
use berth_core::password::Password;
use berth_core::session::{LoginOutcome, SessionState};
use berth_core::{Code, Problem, Problems};
use berth_store::{sessions, users};

use super::client::Client;
use super::context::App;
use super::problem::{Failure, retrying};
use super::session::Session;
use super::sign_in::{by_address, note};
use super::throttle::{self, Throttle};
use crate::secret::Verdict;

/// Wrong passwords in one session before delays begin.
const FREE: u64 = 5;

/// Takes the password again before something dangerous; see [`Session::is_confirmed`].
///
/// # Errors
/// `sign_in_failed` at `password`, `too_many_attempts`, `forbidden` for a session that is not complete.
pub async fn confirm_session(
    app: &App,
    _request: RequestId,
    client: &Client,
    session: &Session,
    password: &Password,
) -> Result<(), Problems> {
    if session.state != SessionState::Full {
        return Err(Problem::new(Code::Forbidden, "the sign-in is not complete").into());
    }
    let by_user = Throttle::new("confirm", &session.user.id.to_string(), FREE);
    retrying!(app, throttle::charge(app, &[by_user.clone(), by_address(client)]))?;
    let hash = retrying!(app, read_hash(app, session))?;
    let verdict = match &hash {
        Some(hash) => app.hasher.verify(password, &hash.0).await?,
        None => Verdict::Wrong,
    };
    if verdict == Verdict::Wrong {
        retrying!(app, write_failure(app, client, session))?;
        return Err(Problem::new(Code::SignInFailed, "this is not your password").at("password").into());
    }
    retrying!(app, write(app, client, session, &by_user))
}

async fn read_hash(app: &App, session: &Session) -> Result<Option<users::PasswordHash>, Failure> {
    let mut tx = app.store.read().await?;
    Ok(users::password_hash(&mut tx, session.user.id).await?)
}

async fn write_failure(app: &App, client: &Client, session: &Session) -> Result<(), Failure> {
    let mut tx = app.store.begin().await?;
    note(app, &mut tx, client, Some(session.user.id), LoginOutcome::WrongPassword).await?;
    Ok(tx.commit().await?)
}

async fn write(app: &App, client: &Client, session: &Session, by_user: &Throttle) -> Result<(), Failure> {
    let mut tx = app.store.begin().await?;
    throttle::forget(&mut tx, by_user).await?;
    throttle::forgive(&mut tx, &by_address(client)).await?;
    sessions::confirm(&mut tx, session.id, app.clock.now()).await?;
    Ok(tx.commit().await?)
}
