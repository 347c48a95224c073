use berth_core::id::RequestId;
use berth_core::session::{LoginOutcome, SessionState};
use berth_core::{Code, Problem, Problems};
use berth_store::{Tx, second_factors, sessions, users};

use super::enrol::complete;
use super::{by_user, code};
use crate::app::client::Client;
use crate::app::context::App;
use crate::app::may_sign_in::may_sign_in;
use crate::app::problem::{Failure, retrying};
use crate::app::session::Session;
use crate::app::sign_in::{SignedIn, audit_sign_in, note};
use crate::app::throttle;

/// Goes on with a sign-in by a code of the authenticator, or by a recovery code. Each works once.
///
/// # Errors
/// `second_factor_wrong` at `code`; `too_many_attempts`; `session_not_found` if the sign-in took too long or
/// did not ask for a code.
pub async fn verify_second_factor(
    app: &App,
    request: RequestId,
    client: &Client,
    session: &Session,
    code: &str,
) -> Result<SignedIn, Problems> {
    if session.state != SessionState::NeedsSecondFactor {
        return Err(Problem::new(Code::SessionNotFound, "this sign-in does not wait for a code").into());
    }
    retrying!(app, throttle::charge(app, &[by_user(session.user.id)]))?;
    match retrying!(app, attempt(app, request, client, session, code))? {
        Some(signed_in) => Ok(signed_in),
        None => Err(Problem::new(Code::SecondFactorWrong, "the code is wrong, or was used before")
            .at("code")
            .into()),
    }
}

async fn attempt(
    app: &App,
    request: RequestId,
    client: &Client,
    session: &Session,
    code: &str,
) -> Result<Option<SignedIn>, Failure> {
    let mut tx = app.store.begin().await?;
    let waits = sessions::by_id(&mut tx, session.id)
        .await?
        .is_some_and(|record| record.state == SessionState::NeedsSecondFactor);
    let user = users::by_id(&mut tx, session.user.id).await?.filter(|_| waits);
    let Some(user) = user else {
        return Err(Problem::new(Code::SessionNotFound, "the sign-in has ended; begin again").into());
    };
    let accepted = if may_sign_in(&user) { use_code(app, &mut tx, session, code).await? } else { None };
    let outcome = accepted.unwrap_or(LoginOutcome::WrongCode);
    note(app, &mut tx, client, Some(user.id), outcome).await?;
    audit_sign_in(app, &mut tx, request, client, Some(&user), outcome).await?;
    let signed_in = match accepted {
        Some(_) => {
            throttle::forget(&mut tx, &by_user(user.id)).await?;
            Some(complete(app, &mut tx, session).await?)
        }
        None => None,
    };
    tx.commit().await?;
    Ok(signed_in)
}

/// Uses a code up; says which kind it was.
async fn use_code(
    app: &App,
    tx: &mut Tx,
    session: &Session,
    code: &str,
) -> Result<Option<LoginOutcome>, Failure> {
    let user = session.user.id;
    let factor = second_factors::get(tx, user).await?;
    if !factor.is_on() {
        return Ok(None);
    }
    if let Some(sealed) = &factor.secret {
        let totp = code::totp(app, &code::open(app, user, sealed)?, &session.user.name)?;
        if let Some(step) = code::step_of(app, &totp, code)
            && second_factors::use_step(tx, user, step).await?
        {
            return Ok(Some(LoginOutcome::SecondFactor));
        }
    }
    let was_there = second_factors::use_code(tx, user, &code::fingerprint(code)).await?;
    Ok(was_there.then_some(LoginOutcome::RecoveryCode))
}
