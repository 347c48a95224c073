//! Who looks at a page: the session behind its cookie, and the proof that a form comes from a page of ours.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use berth_core::id::RequestId;
use berth_core::role::{Actor, UserRef};
use berth_core::session::SessionState;
use berth_core::view::UserView;
use berth_core::{Code, Problem};

use super::answer::{Refused, see};
use super::form::Sent;
use super::shell::{Me, Shell, initials, rail};
use super::words::Words;
use crate::app::{self, App, Client, Ctx, Session, SessionToken};
use crate::listen::{Peer, Shutdown};
use crate::rest::Rest;

/// The cookie of a session.
const SESSION: &str = "__Host-berth";

/// The cookie that a form of somebody without a session has to repeat.
const FORM: &str = "__Host-berth-form";

/// The cookie of the choice between light and dark.
const THEME: &str = "__Host-berth-theme";

/// Somebody who has signed in wholly.
pub(crate) struct Visitor {
    pub(crate) ctx: Ctx,
    pub(crate) me: UserView,
    pub(crate) session: Session,
    pub(crate) client: Client,
    pub(crate) words: Words,
    pub(crate) shutdown: Shutdown,
    token: SessionToken,
    theme: Option<&'static str>,
    done: Option<String>,
    host: String,
}

/// Somebody who may not have signed in yet, or not wholly.
pub(crate) struct Guest {
    pub(crate) app: Arc<App>,
    pub(crate) request: RequestId,
    pub(crate) session: Option<Session>,
    pub(crate) client: Client,
    pub(crate) words: Words,
    theme: Option<&'static str>,
    form_token: Option<String>,
}

/// A form of a page of ours, sent by a visitor.
pub(crate) struct Posted {
    pub(crate) v: Visitor,
    pub(crate) sent: Sent,
}

/// A form of a page of ours, sent by a guest.
pub(crate) struct GuestPosted {
    pub(crate) guest: Guest,
    pub(crate) sent: Sent,
}

/// Why a page is not shown to a guest: they sign in first, or go on with signing in.
pub(crate) enum NotYet {
    To(&'static str, String),
    Refused(Refused),
}

impl IntoResponse for NotYet {
    fn into_response(self) -> Response {
        match self {
            Self::To(place, next) if next.is_empty() => see(place),
            Self::To(place, next) => {
                let pair =
                    form_urlencoded::Serializer::new(String::new()).append_pair("next", &next).finish();
                see(&format!("{place}?{pair}"))
            }
            Self::Refused(refused) => refused.into_response(),
        }
    }
}

impl From<Refused> for NotYet {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl FromRequestParts<Rest> for Guest {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, rest: &Rest) -> Result<Self, Refused> {
        let (Some(peer), Some(request)) =
            (parts.extensions.get::<Peer>().copied(), parts.extensions.get::<RequestId>().copied())
        else {
            return Err(Refused::new(Code::Internal, "a request came without its connection"));
        };
        let agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        let client = match peer {
            Peer::Network(address) => Client::new(address.ip(), agent),
            Peer::Local { .. } => Client::new(std::net::Ipv4Addr::LOCALHOST.into(), agent),
        };
        let app = Arc::clone(rest.app());
        let session = match token(&parts.headers) {
            Some(token) => app::session(&app, &token, &client).await?,
            None => None,
        };
        let words = session
            .as_ref()
            .map_or_else(|| Words::accepted(&parts.headers), |session| Words(session.acting().language));
        if let Some(session) = &session {
            tracing::Span::current().record("actor", session.acting().name.as_str());
        }
        let form_token = cookie(&parts.headers, FORM).map(str::to_owned);
        Ok(Self { app, request, session, client, words, theme: theme(&parts.headers), form_token })
    }
}

impl FromRequestParts<Rest> for Visitor {
    type Rejection = NotYet;

    async fn from_request_parts(parts: &mut Parts, rest: &Rest) -> Result<Self, NotYet> {
        let guest = Guest::from_request_parts(parts, rest).await?;
        let wanted = parts.uri.path_and_query().map_or("/", |wanted| wanted.as_str());
        let live = parts.headers.contains_key("hx-request") || parts.method != axum::http::Method::GET;
        let next = if live || wanted == "/" { String::new() } else { wanted.to_owned() };
        let Some(session) = guest.session else { return Err(NotYet::To("/login", next)) };
        let Some(ctx) = session.ctx(&guest.app, guest.request) else {
            return Err(NotYet::To(waiting_room(session.state), next));
        };
        let Some(token) = token(&parts.headers) else { return Err(NotYet::To("/login", next)) };
        let me = app::show_user(&ctx, &UserRef::Id(session.acting().id)).await.map_err(Refused)?;
        let done = parts.uri.query().and_then(done);
        Ok(Self {
            me,
            ctx,
            session,
            client: guest.client,
            words: guest.words,
            shutdown: rest.shutdown().clone(),
            token,
            theme: guest.theme,
            done,
            host: host(&parts.headers),
        })
    }
}

/// Where a sign-in that is not complete goes on.
pub(crate) const fn waiting_room(state: SessionState) -> &'static str {
    match state {
        SessionState::Full => "/",
        SessionState::NeedsSecondFactor => "/login/code",
        SessionState::MustEnrol => "/login/enrol",
    }
}

impl FromRequest<Rest> for Posted {
    type Rejection = NotYet;

    async fn from_request(request: Request, rest: &Rest) -> Result<Self, NotYet> {
        let (mut parts, body) = request.into_parts();
        let v = Visitor::from_request_parts(&mut parts, rest).await?;
        from_here(&parts.headers)?;
        let sent = Sent::from_request(Request::from_parts(parts, body), rest).await?;
        if !v.session.is_csrf_token(sent.text("csrf")) {
            return Err(forged().into());
        }
        Ok(Self { v, sent })
    }
}

impl FromRequest<Rest> for GuestPosted {
    type Rejection = Refused;

    async fn from_request(request: Request, rest: &Rest) -> Result<Self, Refused> {
        let (mut parts, body) = request.into_parts();
        let guest = Guest::from_request_parts(&mut parts, rest).await?;
        from_here(&parts.headers)?;
        let sent = Sent::from_request(Request::from_parts(parts, body), rest).await?;
        let presented = sent.text("csrf");
        let ours = match (&guest.session, &guest.form_token) {
            (Some(session), _) if session.is_csrf_token(presented) => true,
            (_, Some(token)) => !token.is_empty() && token == presented,
            _ => false,
        };
        if !ours {
            return Err(forged());
        }
        Ok(Self { guest, sent })
    }
}

/// Refuses what a browser says comes from a page of somebody else.
fn from_here(headers: &HeaderMap) -> Result<(), Refused> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    if text("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none") {
        return Err(forged());
    }
    if let (Some(origin), Some(host)) = (text("origin"), text("host"))
        && origin.split_once("://").is_none_or(|(_, from)| from != host)
    {
        return Err(forged());
    }
    Ok(())
}

fn forged() -> Refused {
    let problem =
        Problem::new(Code::Forbidden, "the form does not come from a page that was shown to you lately");
    problem.hint("open the page again and send the form once more").into()
}

impl Guest {
    /// The frame of a page without rail, and the answer's cookie if the form needs one.
    pub(crate) fn shell(&self, title: String) -> (Shell, Option<HeaderValue>) {
        let (csrf, fresh) = match (&self.session, &self.form_token) {
            (Some(session), _) => (session.csrf_token().to_owned(), None),
            (None, Some(token)) if !token.is_empty() => (token.clone(), None),
            _ => {
                let token = crate::secret::token(self.app.randomness.as_ref()).to_string();
                let cookie = HeaderValue::try_from(format!(
                    "{FORM}={token}; Path=/; Secure; HttpOnly; SameSite=Strict"
                ));
                (token, cookie.ok())
            }
        };
        (Shell::door(self.words, self.app.clock.now(), self.theme, csrf).titled("", title), fresh)
    }
}

impl Visitor {
    /// The frame of a page.
    pub(crate) fn shell(&self, section: &'static str, title: impl Into<String>) -> Shell {
        let now = self.ctx.app.clock.now();
        let behind = self.session.in_place_of.as_ref().map(|place| {
            let left = (place.until - now).num_minutes() + 1;
            (self.session.user.display_name.clone(), u64::try_from(left).unwrap_or_default())
        });
        let me = Me {
            name: self.me.display_name.to_string(),
            initials: initials(self.me.display_name.as_str()),
            behind,
        };
        Shell {
            words: self.words,
            now,
            theme: self.theme,
            title: title.into(),
            section,
            csrf: self.session.csrf_token().to_owned(),
            nav: rail(&self.ctx.actor, &self.me),
            me: Some(me),
            done: self.done.as_ref().and_then(|key| self.words.done(key)),
        }
    }

    /// Whether a user is the visitor.
    pub(crate) fn is_me(&self, named: &UserRef) -> bool {
        match named {
            UserRef::Id(id) => *id == self.me.id,
            UserRef::Login(login) => self.me.username.as_ref() == Some(login),
            UserRef::Email(email) => self.me.email.key() == email.key(),
        }
    }

    /// The whole address of a page, as people type it.
    pub(crate) fn address(&self, path: &str) -> String {
        match &self.ctx.app.settings.panel_url {
            Some(url) => format!("{}{path}", url.trim_end_matches('/')),
            None => format!("https://{}{path}", self.host),
        }
    }

    /// Whether the session is still what it was when the page was asked for; for answers that take long.
    pub(crate) async fn is_still_there(&self) -> bool {
        let Ok(Some(now)) = app::session(&self.ctx.app, &self.token, &self.client).await else {
            return false;
        };
        now.state == SessionState::Full && now.csrf_token() == self.session.csrf_token()
    }

    /// Who acts.
    pub(crate) fn actor(&self) -> &Actor {
        &self.ctx.actor
    }
}

/// Lets a browser keep the token of a session.
pub(crate) fn remember(token: &SessionToken) -> Option<HeaderValue> {
    let text = format!("{SESSION}={}; Path=/; Secure; HttpOnly; SameSite=Lax", token.expose());
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Lets a browser forget it.
pub(crate) fn forget() -> HeaderValue {
    HeaderValue::from_static("__Host-berth=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0")
}

/// Lets a browser keep the choice between light and dark; without one the system's counts.
pub(crate) fn remember_theme(choice: &str) -> HeaderValue {
    HeaderValue::from_static(match choice {
        "light" => "__Host-berth-theme=light; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=31536000",
        "dark" => "__Host-berth-theme=dark; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=31536000",
        _ => "__Host-berth-theme=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0",
    })
}

fn token(headers: &HeaderMap) -> Option<SessionToken> {
    cookie(headers, SESSION).filter(|token| !token.is_empty()).map(SessionToken::new)
}

fn theme(headers: &HeaderMap) -> Option<&'static str> {
    match cookie(headers, THEME)? {
        "light" => Some("light"),
        "dark" => Some("dark"),
        _ => None,
    }
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(known, _)| *known == name)
        .map(|(_, value)| value)
}

/// The key of what has just been done, from the address; the words for it are ours.
fn done(query: &str) -> Option<String> {
    form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "done").map(|(_, key)| key.into_owned())
}

/// What the browser calls this server, as far as it can be a name.
fn host(headers: &HeaderMap) -> String {
    headers
        .get(header::HOST)
        .and_then(|value| value.to_str().ok())
        .filter(|host| {
            host.len() < 256 && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:[]".contains(&b))
        })
        .unwrap_or("localhost")
        .to_owned()
}

/// A path of ours to go on with after a sign-in; anything else is the front page.
pub(crate) fn safe_next(next: &str) -> &str {
    let ours = next.starts_with('/')
        && !next.starts_with("//")
        && next.len() < 2048
        && next.bytes().all(|b| b.is_ascii_graphic() && b != b'\\' && b != b'#');
    if ours { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_come_next() {
        for next in ["/", "/users?q=role%3Aadmin", "/users/1/resources"] {
            assert_eq!(safe_next(next), next);
        }
        for next in [
            "",
            "users",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a\r\nSet-Cookie: x=1",
            "/ü",
        ] {
            assert_eq!(safe_next(next), "/", "{next:?}");
        }
    }

    #[test]
    fn a_form_of_another_site_is_refused() {
        let check = |pairs: &[(&'static str, &str)], expected: bool| {
            let headers = pairs
                .iter()
                .map(|(name, value)| (axum::http::HeaderName::from_static(name), value.parse().unwrap()));
            assert_eq!(from_here(&headers.collect()).is_ok(), expected, "{pairs:?}");
        };
        check(&[], true);
        check(&[("sec-fetch-site", "same-origin")], true);
        check(&[("sec-fetch-site", "cross-site")], false);
        check(&[("sec-fetch-site", "same-site")], false);
        check(&[("origin", "https://a.example:8443"), ("host", "a.example:8443")], true);
        check(&[("origin", "https://b.example"), ("host", "a.example:8443")], false);
        check(&[("origin", "null"), ("host", "a.example:8443")], false);
    }

    #[test]
    fn cookies_are_found_by_their_whole_name() {
        let headers = HeaderMap::from_iter([(
            header::COOKIE,
            "a=b; x__Host-berth=no; __Host-berth=yes".parse().unwrap(),
        )]);
        assert_eq!(cookie(&headers, SESSION), Some("yes"));
        assert_eq!(cookie(&headers, THEME), None);
    }
}
