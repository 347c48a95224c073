//! The API of Installatron Server (version 2), as its clients know it: `/users` and what is below.
//!
//! Requests with `X-API-KEY` are this dialect's wherever they come in; without that header the same paths are
//! the panel's. It only translates: every call is one verb of [`crate::app`].

mod body;
mod envelope;
mod users;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use berth_core::id::RequestId;
use berth_core::{Code, Problem, Problems};

use crate::app::{self, Ctx};
use crate::listen::Peer;
use crate::rest::{Origin, Rest};
use envelope::Envelope;

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const METHOD_OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");

/// Sends requests with a key here, whatever else has their path.
pub(crate) async fn divert(State(rest): State<Rest>, request: Request, next: Next) -> Response {
    if request.headers().contains_key(API_KEY)
        && let Some(call) = Call::of(request.uri().path())
    {
        return answer(&rest, call, request).await;
    }
    next.run(request).await
}

/// What a listener of the dialect's own answers: nothing but this dialect, with or without a key.
pub(crate) fn routes() -> Router<Rest> {
    Router::new().fallback(async |State(rest): State<Rest>, request: Request| {
        match Call::of(request.uri().path()) {
            Some(call) => answer(&rest, call, request).await,
            None => Envelope::refusal(&not_here()).into_response(),
        }
    })
}

/// What a path asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Call {
    /// `/users`
    Users,
    /// `/users/{id}`
    User(String),
    /// `/users/{id}/login`, which was called `guixfer` before.
    Login(String),
}

impl Call {
    fn of(path: &str) -> Option<Self> {
        let mut parts = path.trim_end_matches('/').strip_prefix("/users")?.split('/');
        if parts.next() != Some("") {
            return None;
        }
        let id = parts.next().map(decoded);
        match (id, parts.next(), parts.next()) {
            (None, None, None) => Some(Self::Users),
            (Some(id), None, None) => Some(Self::User(id)),
            (Some(id), Some("login" | "guixfer"), None) => Some(Self::Login(id)),
            _ => None,
        }
    }
}

fn decoded(part: &str) -> String {
    percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned()
}

async fn answer(rest: &Rest, call: Call, request: Request) -> Response {
    match handle(rest, call, request).await {
        Ok(envelope) => envelope.into_response(),
        Err(problems) => Envelope::refusal(&problems).into_response(),
    }
}

async fn handle(rest: &Rest, call: Call, request: Request) -> Result<Envelope, Problems> {
    let ctx = {
        // A body can't be waited with: it is read only when somebody stands for it.
        let (peer, id) = connection(&request)?;
        let key =
            request.headers().get(API_KEY).and_then(|key| key.to_str().ok()).unwrap_or_default().to_owned();
        identify(rest, peer, id, &key).await?
    };
    let method = method(&request)?;
    // A view has no body to read.
    if method == Method::GET {
        let query = request.uri().query().unwrap_or_default().to_owned();
        return match call {
            Call::Users => users::list(&ctx, &query).await,
            Call::User(id) => users::show(&ctx, &id).await,
            Call::Login(_) => Err(no_such_method()),
        };
    }
    let body = body::read(request).await?;
    match (method, call) {
        (Method::POST, Call::Users) => users::put(&ctx, None, body).await,
        (Method::POST, Call::User(id)) => users::put(&ctx, Some(&id), body).await,
        (Method::DELETE, Call::User(id)) => users::delete(&ctx, &id, body).await,
        (Method::DELETE, Call::Users) => {
            Err(Problem::new(Code::FieldMissing, "the user is missing").at("user").into())
        }
        _ => Err(no_such_method()),
    }
}

/// Whose key it is: one of the two of this API, which speak for the main administrator, or one of Berth's own.
async fn identify(rest: &Rest, peer: Peer, id: RequestId, key: &str) -> Result<Ctx, Problems> {
    let origin = Origin::of(peer);
    rest.may_try(origin).map_err(|refusal| refusal.problems().clone())?;
    let from = peer.to_string();
    let known = if key.starts_with("berth_") {
        app::authenticate(rest.app(), id, key, &from).await
    } else {
        app::authenticate_installatron(rest.app(), id, key, &from).await
    };
    let actor = match known {
        Ok(actor) => actor,
        Err(problems) => {
            if problems.iter().any(|problem| problem.code == Code::Unauthenticated) {
                rest.failed(origin);
            }
            return Err(problems);
        }
    };
    tracing::Span::current().record("actor", actor.label());
    Ok(Ctx::new(rest.app().clone(), actor, id))
}

fn connection(request: &Request) -> Result<(Peer, RequestId), Problems> {
    let extensions = request.extensions();
    match (extensions.get::<Peer>(), extensions.get::<RequestId>()) {
        (Some(peer), Some(id)) => Ok((*peer, *id)),
        _ => Err(Problem::new(Code::Internal, "a request came without its connection").into()),
    }
}

/// The method, which clients that can only post name in a header.
fn method(request: &Request) -> Result<Method, Problems> {
    let method = request.method().clone();
    match overridden(request.headers()) {
        None => match method {
            Method::GET | Method::POST | Method::DELETE => Ok(method),
            _ => Err(no_such_method()),
        },
        Some(named) if method == Method::POST => match named.to_ascii_uppercase().as_str() {
            "GET" => Ok(Method::GET),
            "POST" => Ok(Method::POST),
            "DELETE" => Ok(Method::DELETE),
            _ => Err(no_such_method()),
        },
        Some(_) => Err(no_such_method()),
    }
}

fn overridden(headers: &HeaderMap) -> Option<&str> {
    headers.get(METHOD_OVERRIDE)?.to_str().ok()
}

fn no_such_method() -> Problems {
    Problem::new(Code::MethodNotAllowed, "the method is not known here")
        .hint("use GET to look, POST to create, change and act, DELETE to remove")
        .into()
}

fn not_here() -> Problems {
    Problem::new(Code::NotFound, "there is nothing here").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let user = |id: &str| Some(Call::User(id.to_owned()));
        for (path, expected) in [
            ("/users", Some(Call::Users)),
            ("/users/", Some(Call::Users)),
            ("/users/mira", user("mira")),
            ("/users/a%40b", user("a@b")),
            ("/users/mira/login", Some(Call::Login("mira".to_owned()))),
            ("/users/mira/guixfer", Some(Call::Login("mira".to_owned()))),
            ("/users/mira/other", None),
            ("/users/mira/login/x", None),
            ("/usersx", None),
            ("/api/v1/users", None),
        ] {
            assert_eq!(Call::of(path), expected, "{path}");
        }
    }
}
