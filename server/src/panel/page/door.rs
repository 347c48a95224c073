//! Signing in and out.

use askama::Template;
use axum::extract::RawQuery;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use berth_core::command::SignIn;
use berth_core::session::SessionState;
use berth_core::{Problem, Problems};

use crate::app::{self, SignedIn};
use crate::panel::answer::{Answer, page, see, with_status};
use crate::panel::form::Form;
use crate::panel::qr;
use crate::panel::shell::Shell;
use crate::panel::visitor::{
    Guest, GuestPosted, Posted, Visitor, forget, remember, remember_theme, safe_next, waiting_room,
};

#[derive(Template)]
#[template(path = "login.html")]
struct Login {
    s: Shell,
    f: Form,
    next: String,
}

#[derive(Template)]
#[template(path = "second_factor.html")]
struct SecondFactor {
    s: Shell,
    f: Form,
    next: String,
}

#[derive(Template)]
#[template(path = "enrol.html")]
struct Enrol {
    s: Shell,
    f: Form,
    next: String,
    secret: String,
    qr: String,
}

#[derive(Template)]
#[template(path = "recovery_codes.html")]
struct RecoveryCodes {
    s: Shell,
    codes: Vec<String>,
    text: String,
    next: String,
}

/// `GET /`: to what the visitor most likely wants.
pub(crate) async fn front(v: Visitor) -> Response {
    let section = crate::panel::shell::rail(v.actor(), &v.me);
    see(section.first().map_or("/profile", |item| item.path))
}

/// `GET /login`
pub(crate) async fn ask(guest: Guest, RawQuery(raw): RawQuery) -> Answer {
    let next = next_of(raw.as_deref());
    if let Some(session) = &guest.session {
        return Ok(see(if session.state == SessionState::Full {
            &next
        } else {
            waiting_room(session.state)
        }));
    }
    login(&guest, StatusCode::OK, Form::default(), next, raw.as_deref())
}

fn login(guest: &Guest, status: StatusCode, f: Form, next: String, raw: Option<&str>) -> Answer {
    let (mut s, cookie) = guest.shell(guest.words.t("login-title"));
    if raw.is_some_and(|raw| raw.contains("done=signed-out")) {
        s.done = guest.words.done("signed-out");
    }
    let mut answer = with_status(status, &Login { s, f, next })?;
    if let Some(cookie) = cookie {
        answer.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(answer)
}

/// `POST /login`
pub(crate) async fn sign_in(GuestPosted { guest, sent }: GuestPosted) -> Answer {
    let next = safe_next(sent.text("next")).to_owned();
    let signed_in = match SignIn::parse(sent.fields(&["name", "password"], &[])) {
        Ok(command) => app::sign_in(&guest.app, guest.request, &guest.client, command).await,
        Err(problems) => Err(problems),
    };
    match signed_in {
        Ok(signed_in) => Ok(go_on(&signed_in, &next)),
        Err(problems) => {
            let f = Form::refused(&sent, &["name", "password"], &problems, guest.words);
            login(&guest, status_of(&problems), f, next, None)
        }
    }
}

/// `GET /login/code`
pub(crate) async fn ask_code(guest: Guest, RawQuery(raw): RawQuery) -> Answer {
    match guest.session.as_ref().map(|session| session.state) {
        Some(SessionState::NeedsSecondFactor) => {
            let (s, _) = guest.shell(guest.words.t("code-title"));
            page(&SecondFactor { s, f: Form::default(), next: next_of(raw.as_deref()) })
        }
        Some(state) => Ok(see(waiting_room(state))),
        None => Ok(see("/login")),
    }
}

/// `POST /login/code`
pub(crate) async fn verify(GuestPosted { guest, sent }: GuestPosted) -> Answer {
    let Some(session) = &guest.session else { return Ok(see("/login")) };
    let next = safe_next(sent.text("next")).to_owned();
    let code = sent.text("code").trim();
    match app::verify_second_factor(&guest.app, guest.request, &guest.client, session, code).await {
        Ok(signed_in) => Ok(go_on(&signed_in, &next)),
        Err(problems) => {
            let (s, _) = guest.shell(guest.words.t("code-title"));
            let f = Form::refused(&sent, &[], &problems, guest.words);
            with_status(status_of(&problems), &SecondFactor { s, f, next })
        }
    }
}

/// `GET /login/enrol`: a second factor is asked of the visitor before anything else.
pub(crate) async fn ask_enrol(guest: Guest, RawQuery(raw): RawQuery) -> Answer {
    match guest.session.as_ref().map(|session| session.state) {
        Some(SessionState::MustEnrol) => {
            enrolment(&guest, StatusCode::OK, Form::default(), next_of(raw.as_deref())).await
        }
        Some(state) => Ok(see(waiting_room(state))),
        None => Ok(see("/login")),
    }
}

async fn enrolment(guest: &Guest, status: StatusCode, f: Form, next: String) -> Answer {
    let Some(session) = &guest.session else { return Ok(see("/login")) };
    let enrolment = app::begin_second_factor(&guest.app, session).await?;
    let (s, _) = guest.shell(guest.words.t("enrol-title"));
    let qr = qr::svg(&enrolment.url).unwrap_or_default();
    with_status(status, &Enrol { s, f, next, secret: enrolment.secret.to_string(), qr })
}

/// `POST /login/enrol`
pub(crate) async fn enrol(GuestPosted { guest, sent }: GuestPosted) -> Answer {
    let Some(session) = &guest.session else { return Ok(see("/login")) };
    let next = safe_next(sent.text("next")).to_owned();
    let code = sent.text("code").trim();
    match app::confirm_second_factor(&guest.app, guest.request, &guest.client, session, code).await {
        Ok(enrolled) => {
            let (s, _) = guest.shell(guest.words.t("codes-title"));
            let text = enrolled.recovery_codes.join("\n");
            let codes = RecoveryCodes { s, codes: enrolled.recovery_codes, text, next };
            let mut answer = page(&codes)?;
            if let Some(cookie) = remember(&enrolled.signed_in.token) {
                answer.headers_mut().append(header::SET_COOKIE, cookie);
            }
            Ok(answer)
        }
        Err(problems) => {
            // The secret that was shown stays the one that is waited for only while the page does; a new one
            // is shown with the problem.
            let f = Form::refused(&sent, &[], &problems, guest.words);
            enrolment(&guest, status_of(&problems), f, next).await
        }
    }
}

/// `POST /logout`
pub(crate) async fn sign_out(GuestPosted { guest, .. }: GuestPosted) -> Answer {
    if let Some(session) = &guest.session {
        app::sign_out(&guest.app, guest.request, session).await?;
    }
    let mut answer = see("/login?done=signed-out");
    answer.headers_mut().append(header::SET_COOKIE, forget());
    Ok(answer)
}

/// `POST /impersonation/end`
pub(crate) async fn end_impersonation(Posted { v, .. }: Posted) -> Answer {
    app::end_impersonation(&v.ctx.app, v.ctx.request, &v.session).await?;
    Ok(see("/users"))
}

/// `POST /theme`
pub(crate) async fn theme(Posted { sent, .. }: Posted) -> Response {
    let mut answer = see("/profile?done=saved");
    answer.headers_mut().append(header::SET_COOKIE, remember_theme(sent.text("theme")));
    answer
}

fn go_on(signed_in: &SignedIn, next: &str) -> Response {
    let place = match signed_in.session.state {
        SessionState::Full => next.to_owned(),
        state => {
            let pair = form_urlencoded::Serializer::new(String::new()).append_pair("next", next).finish();
            format!("{}?{pair}", waiting_room(state))
        }
    };
    let mut answer = see(&place);
    if let Some(cookie) = remember(&signed_in.token) {
        answer.headers_mut().append(header::SET_COOKIE, cookie);
    }
    answer.into_response()
}

fn next_of(raw: Option<&str>) -> String {
    let next = form_urlencoded::parse(raw.unwrap_or_default().as_bytes()).find(|(name, _)| name == "next");
    next.map_or("/".to_owned(), |(_, next)| safe_next(&next).to_owned())
}

fn status_of(problems: &Problems) -> StatusCode {
    let status = problems.leading().map_or(500, |problem: &Problem| problem.code.http_status());
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
