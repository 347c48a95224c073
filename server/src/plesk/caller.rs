//! Who sends a packet: a user with their password, or a secret key.

use axum::http::HeaderMap;
use axum::http::request::Parts;
use berth_core::id::RequestId;
use berth_core::role::Via;
use berth_core::{Code, Problems};

use super::fault::{FAILED, Fault, LOCKED, SECRET_KEY, WRONG_PASSWORD};
use crate::app::{self, Ctx};
use crate::listen::Peer;
use crate::rest::{Origin, Rest};

/// Headers with credentials, as they really are on the wire.
const LOGIN: &str = "http_auth_login";
const PASSWORD: &str = "http_auth_passwd";
const KEY: &str = "key";

/// The context of a request whose sender is known.
pub(super) async fn identify(rest: &Rest, request: &Parts) -> Result<Ctx, Fault> {
    let (Some(peer), Some(id)) =
        (request.extensions.get::<Peer>().copied(), request.extensions.get::<RequestId>().copied())
    else {
        tracing::error!("a request came without its connection");
        return Err(Fault::new(FAILED, "Internal error"));
    };
    let (origin, from) = match peer {
        Peer::Network(address) => (Origin::from(address.ip()), address.ip().to_canonical().to_string()),
        Peer::Local { uid } => (Origin::Local(uid), format!("host user {uid}")),
    };
    if rest.may_try(origin).is_err() {
        return Err(Fault::new(LOCKED, "Too many failed attempts. Try again later"));
    }
    let headers = &request.headers;
    let app = rest.app();
    let (known, refused) = if let Some(key) = text(headers, KEY) {
        let known = app::authenticate_plesk_key(app, id, &key, &from).await;
        (known, Fault::new(SECRET_KEY, "The secret key is invalid"))
    } else if let (Some(login), Some(password)) = (text(headers, LOGIN), text(headers, PASSWORD)) {
        let known = app::authenticate_person(app, id, (&login, &password), Via::Plesk, &from).await;
        (known, Fault::new(WRONG_PASSWORD, "You have entered incorrect username or password"))
    } else {
        return Err(Fault::new(
            WRONG_PASSWORD,
            "The headers HTTP_AUTH_LOGIN and HTTP_AUTH_PASSWD are required",
        ));
    };
    let actor = known.map_err(|problems: Problems| {
        if problems.iter().any(|problem| problem.code == Code::Unauthenticated) {
            rest.failed(origin);
            refused
        } else {
            problems.into()
        }
    })?;
    tracing::Span::current().record("actor", actor.label());
    Ok(Ctx::new(app.clone(), actor, id))
}

/// The value of a header, which may hold UTF-8.
fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    let value = headers.get(name)?;
    str::from_utf8(value.as_bytes()).ok().map(str::to_owned)
}
