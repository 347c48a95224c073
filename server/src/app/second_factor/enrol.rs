use berth_core::id::RequestId;
use berth_core::session::SessionState;
use berth_core::{Code, Problem, Problems};
use berth_store::{second_factors, sessions};
use serde_json::json;
use zeroize::Zeroizing;

use super::{by_user, code, own_and_confirmed};
use crate::app::audited::audit_of;
use crate::app::client::Client;
use crate::app::context::App;
use crate::app::problem::{Failure, retrying};
use crate::app::session::{Session, SessionToken, of};
use crate::app::sign_in::SignedIn;
use crate::app::throttle;

/// What an authenticator is given: to be shown once, as text and as a picture.
#[derive(Clone)]
pub struct Enrolment {
    /// The secret in base32, for typing.
    pub secret: Zeroizing<String>,
    /// The same as an `otpauth://` address, for a QR code.
    pub url: Zeroizing<String>,
}

impl std::fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Enrolment(…)")
    }
}

/// A second factor that is on.
#[derive(Clone)]
pub struct Enrolled {
    /// Codes for the day on which the authenticator is lost; to be shown once. Each works once.
    pub recovery_codes: Vec<String>,
    /// The session under its new token: the old one is good no more.
    pub signed_in: SignedIn,
}

impl std::fmt::Debug for Enrolled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Enrolled(…)")
    }
}

/// Begins the enrolment of the user's own second factor, in a session that is complete or
/// [`MustEnrol`](SessionState::MustEnrol). Beginning again forgets the secret from before.
///
/// # Errors
/// `second_factor_on`, `confirmation_needed`, `forbidden`.
pub async fn begin_second_factor(app: &App, session: &Session) -> Result<Enrolment, Problems> {
    may_enrol(app, session)?;
    let mut secret = Zeroizing::new([0_u8; 20]);
    app.randomness.fill(secret.as_mut());
    let totp = code::totp(app, secret.as_ref(), &session.user.name)?;
    let url = totp.to_url().map_err(|error| {
        tracing::error!(error = %error, "an authenticator's address can't be written");
        Problem::new(Code::Internal, "the second factor can't be shown")
    })?;
    let sealed = code::seal(app, session.user.id, secret.as_ref())?;
    retrying!(app, begin(app, session, &sealed))?;
    Ok(Enrolment { secret: Zeroizing::new(totp.secret().to_base32()), url: Zeroizing::new(url) })
}

fn may_enrol(app: &App, session: &Session) -> Result<(), Problem> {
    match session.state {
        SessionState::MustEnrol => Ok(()),
        SessionState::Full | SessionState::NeedsSecondFactor => own_and_confirmed(app, session),
    }
}

async fn begin(app: &App, session: &Session, sealed: &str) -> Result<(), Failure> {
    let mut tx = app.store.begin().await?;
    if second_factors::get(&mut tx, session.user.id).await?.is_on() {
        return Err(Problem::new(Code::SecondFactorOn, "your second factor is on already").into());
    }
    second_factors::begin(&mut tx, session.user.id, sealed).await?;
    Ok(tx.commit().await?)
}

/// Ends the enrolment with a code of the authenticator. The session is complete afterwards, under a new token,
/// and every other session of the user ends.
///
/// # Errors
/// `second_factor_wrong` at `code`, `second_factor_off` if no enrolment has begun, `second_factor_on`,
/// `too_many_attempts`, `confirmation_needed`, `forbidden`.
pub async fn confirm_second_factor(
    app: &App,
    request: RequestId,
    client: &Client,
    session: &Session,
    code: &str,
) -> Result<Enrolled, Problems> {
    may_enrol(app, session)?;
    retrying!(app, throttle::charge(app, &[by_user(session.user.id)]))?;
    retrying!(app, confirm(app, request, client, session, code))
}

async fn confirm(
    app: &App,
    request: RequestId,
    client: &Client,
    session: &Session,
    code: &str,
) -> Result<Enrolled, Failure> {
    let now = app.clock.now();
    let user = session.user.id;
    let mut tx = app.store.begin().await?;
    let factor = second_factors::get(&mut tx, user).await?;
    if factor.is_on() {
        return Err(Problem::new(Code::SecondFactorOn, "your second factor is on already").into());
    }
    let Some(sealed) = factor.secret else {
        return Err(Problem::new(Code::SecondFactorOff, "no enrolment has begun").into());
    };
    let totp = code::totp(app, &code::open(app, user, &sealed)?, &session.user.name)?;
    let Some(step) = code::step_of(app, &totp, code) else {
        let detail = "this is not the code that the authenticator shows now";
        return Err(Problem::new(Code::SecondFactorWrong, detail)
            .at("code")
            .hint("compare the clock of the device, and type the code that it shows now")
            .into());
    };
    second_factors::confirm(&mut tx, user, now, step).await?;
    let codes = code::recovery_codes(app);
    let hashed: Vec<String> = codes.iter().map(|code| code::fingerprint(code)).collect();
    second_factors::replace_codes(&mut tx, user, &hashed, now).await?;
    throttle::forget(&mut tx, &by_user(user)).await?;
    let signed_in = complete(app, &mut tx, session).await?;
    sessions::delete_of(&mut tx, user, Some(session.id)).await?;
    let detail = json!({ "from": client.address() });
    audit_of(app, request, &mut tx, &session.own_actor(), "second_factor.enrol", &session.user, detail)
        .await?;
    tx.commit().await?;
    Ok(Enrolled { recovery_codes: codes, signed_in })
}

/// Completes a session, under a new token, so that one that was seen before is worth nothing.
pub(super) async fn complete(
    app: &App,
    tx: &mut berth_store::Tx,
    session: &Session,
) -> Result<SignedIn, Failure> {
    let now = app.clock.now();
    let token = SessionToken::generate(app);
    let until = match session.state {
        SessionState::Full => session.expires_at,
        SessionState::NeedsSecondFactor | SessionState::MustEnrol => {
            now + app.installation().session_length()
        }
    };
    sessions::set_state(tx, session.id, SessionState::Full, &token.sha256(), now, until).await?;
    let Some(open) = sessions::by_token(tx, &token.sha256()).await? else {
        return Err(Problem::new(Code::SessionNotFound, "the session has ended meanwhile").into());
    };
    let session = of(open, &token, now);
    Ok(SignedIn { token, session })
}
