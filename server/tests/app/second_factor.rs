use berth_core::mode::Mode;
use berth_core::problem::{Code, Problems};
use berth_core::session::SessionState;
use berth_server::app::{self, Enrolled, Enrolment, Session, SignedIn};
use chrono::TimeDelta;
use totp_rs::{Builder, Secret};

use crate::harness::{Harness, done, expect, user};
use crate::sign_in::{PASSWORD, attempt, client, open, person};

/// What the authenticator shows now.
fn code(harness: &Harness, enrolment: &Enrolment) -> String {
    let secret = Secret::try_from_base32(enrolment.secret.as_str()).unwrap();
    let totp = Builder::new().with_secret(secret).with_account_name("x").build().unwrap();
    totp.generate(harness.app.clock.now().timestamp().try_into().unwrap()).to_string()
}

async fn confirm(harness: &Harness, session: &Session, code: &str) -> Result<Enrolled, Problems> {
    app::confirm_second_factor(&harness.app, harness.app.request_id(), &client(), session, code).await
}

async fn verify(harness: &Harness, session: &Session, code: &str) -> Result<SignedIn, Problems> {
    app::verify_second_factor(&harness.app, harness.app.request_id(), &client(), session, code).await
}

async fn enrol(harness: &Harness, signed_in: &SignedIn) -> (Enrolment, Enrolled) {
    let enrolment = app::begin_second_factor(&harness.app, &signed_in.session).await.unwrap();
    let enrolled = confirm(harness, &signed_in.session, &code(harness, &enrolment)).await.unwrap();
    harness.clock.advance(TimeDelta::seconds(30));
    (enrolment, enrolled)
}

#[tokio::test]
async fn enrolled_then_asked_for_and_no_code_works_twice() {
    let harness = Harness::new().await;
    person(&harness, "alice", "user").await;
    let first = attempt(&harness, "alice", PASSWORD).await.unwrap();
    let elsewhere = attempt(&harness, "alice", PASSWORD).await.unwrap();
    let enrolment = app::begin_second_factor(&harness.app, &first.session).await.unwrap();
    assert!(enrolment.url.starts_with("otpauth://totp/Berth:alice?secret="), "{}", enrolment.url.as_str());
    assert!(!harness.is_stored(&enrolment.secret));
    expect(confirm(&harness, &first.session, "000000").await, Code::SecondFactorWrong, Some("code"));
    // Until it is confirmed, signing in goes on without it.
    assert_eq!(attempt(&harness, "alice", PASSWORD).await.unwrap().session.state, SessionState::Full);
    let used = code(&harness, &enrolment);
    let enrolled = confirm(&harness, &first.session, &used).await.unwrap();
    assert_eq!(enrolled.recovery_codes.len(), 10);
    assert!(enrolled.recovery_codes.iter().all(|code| !harness.is_stored(code)));
    assert!(open(&harness, &first.token).await.is_none(), "the session has a new token");
    assert!(open(&harness, &enrolled.signed_in.token).await.is_some());
    assert!(open(&harness, &elsewhere.token).await.is_none(), "the others have ended");

    let half = attempt(&harness, "alice", PASSWORD).await.unwrap();
    assert_eq!(half.session.state, SessionState::NeedsSecondFactor);
    assert!(
        half.session.actor().is_none() && half.session.ctx(&harness.app, harness.app.request_id()).is_none()
    );
    expect(verify(&harness, &half.session, &used).await, Code::SecondFactorWrong, Some("code"));
    harness.clock.advance(TimeDelta::seconds(30));
    let next = code(&harness, &enrolment);
    let whole = verify(&harness, &half.session, &next).await.unwrap();
    assert_eq!(whole.session.state, SessionState::Full);
    assert!(open(&harness, &half.token).await.is_none(), "the token from before is nothing now");
    let again = attempt(&harness, "alice", PASSWORD).await.unwrap();
    expect(verify(&harness, &again.session, &next).await, Code::SecondFactorWrong, Some("code"));
    expect(verify(&harness, &whole.session, &next).await, Code::SessionNotFound, None);
}

#[tokio::test]
async fn a_recovery_code_works_once_however_it_is_typed() {
    let harness = Harness::new().await;
    person(&harness, "alice", "user").await;
    let (_, enrolled) = enrol(&harness, &attempt(&harness, "alice", PASSWORD).await.unwrap()).await;
    let typed = enrolled.recovery_codes[3].to_uppercase().replace('-', " ");
    let half = attempt(&harness, "alice", PASSWORD).await.unwrap();
    let whole = verify(&harness, &half.session, &typed).await.unwrap();
    let half = attempt(&harness, "alice", PASSWORD).await.unwrap();
    expect(verify(&harness, &half.session, &typed).await, Code::SecondFactorWrong, Some("code"));
    let shown = app::show_second_factor(&harness.root(), &user("alice")).await.unwrap();
    assert_eq!((shown.enabled, shown.recovery_codes_left), (true, 9));
    let codes =
        app::renew_recovery_codes(&harness.app, harness.app.request_id(), &whole.session).await.unwrap();
    expect(
        verify(&harness, &half.session, &enrolled.recovery_codes[0]).await,
        Code::SecondFactorWrong,
        Some("code"),
    );
    verify(&harness, &half.session, &codes[0]).await.unwrap();
}

#[tokio::test]
async fn guessing_is_slowed_and_a_half_sign_in_does_not_last() {
    let harness = Harness::new().await;
    person(&harness, "alice", "user").await;
    let (enrolment, _) = enrol(&harness, &attempt(&harness, "alice", PASSWORD).await.unwrap()).await;
    let half = attempt(&harness, "alice", PASSWORD).await.unwrap();
    for guess in 0..5 {
        let wrong = verify(&harness, &half.session, &format!("00000{guess}")).await;
        expect(wrong, Code::SecondFactorWrong, Some("code"));
    }
    let right = code(&harness, &enrolment);
    expect(verify(&harness, &half.session, &right).await, Code::TooManyAttempts, None);
    // A new sign-in does not begin the count again.
    let another = attempt(&harness, "alice", PASSWORD).await.unwrap();
    expect(verify(&harness, &another.session, &right).await, Code::TooManyAttempts, None);
    harness.clock.advance(TimeDelta::minutes(16));
    assert!(open(&harness, &half.token).await.is_none());
}

#[tokio::test]
async fn a_reset_forces_enrolment_and_who_must_have_one_keeps_it() {
    let harness = Harness::new().await;
    person(&harness, "alice", "user").await;
    let (_, enrolled) = enrol(&harness, &attempt(&harness, "alice", PASSWORD).await.unwrap()).await;
    let shown = done(app::reset_second_factor(&harness.root(), &user("alice"), Mode::Apply).await);
    assert!(!shown.enabled && shown.required && shown.recovery_codes_left == 0);
    assert!(open(&harness, &enrolled.signed_in.token).await.is_none());
    let must = attempt(&harness, "alice", PASSWORD).await.unwrap();
    assert_eq!(must.session.state, SessionState::MustEnrol);
    assert!(must.session.actor().is_none());
    let (_, enrolled) = enrol(&harness, &must).await;
    let session = &enrolled.signed_in.session;
    assert_eq!(session.state, SessionState::Full);
    let disable = || app::disable_second_factor(&harness.app, harness.app.request_id(), session);
    expect(disable().await, Code::SecondFactorRequired, None);
    done(app::require_second_factor(&harness.root(), &user("alice"), false, Mode::Apply).await);
    disable().await.unwrap();
    expect(disable().await, Code::SecondFactorOff, None);
    assert_eq!(attempt(&harness, "alice", PASSWORD).await.unwrap().session.state, SessionState::Full);
}

#[tokio::test]
async fn a_second_factor_changes_only_after_the_password() {
    let harness = Harness::new().await;
    person(&harness, "alice", "user").await;
    let signed_in = attempt(&harness, "alice", PASSWORD).await.unwrap();
    harness.clock.advance(TimeDelta::minutes(16));
    let later = app::begin_second_factor(&harness.app, &signed_in.session).await;
    expect(later.map(drop), Code::ConfirmationNeeded, None);
}
