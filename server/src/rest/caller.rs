//! Who makes a request, and what its headers say beside the command.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, header};
use berth_core::id::RequestId;
use berth_core::role::Actor;
use berth_core::{Code, Problem};

use super::Rest;
use super::limits::Origin;
use super::problem::Refusal;
use crate::app::{self, Ctx};
use crate::listen::Peer;

/// Longest name that a client may give a request.
const IDEMPOTENCY_KEY_MAX: usize = 200;

/// The context of a request whose caller is known. Extracting it comes first in every handler, so nothing
/// else is read from a request that nobody stands for.
pub(crate) struct Caller(pub(crate) Ctx);

impl FromRequestParts<Rest> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, rest: &Rest) -> Result<Self, Refusal> {
        let (Some(peer), Some(request)) =
            (parts.extensions.get::<Peer>().copied(), parts.extensions.get::<RequestId>().copied())
        else {
            return Err(Refusal::internal("a request came without its connection"));
        };
        let actor = identify(rest, peer, request, &parts.headers).await?;
        tracing::Span::current().record("actor", actor.label());
        let mut ctx = Ctx::new(rest.app.clone(), actor, request);
        ctx.idempotency_key = idempotency_key(&parts.headers)?;
        ctx.if_match = if_match(&parts.headers)?;
        Ok(Self(ctx))
    }
}

/// Root on the host is known by the socket. Everybody else is known by an API key; on the socket, a user of
/// the host may also come without one, to be told no by the verb, which writes it down.
async fn identify(
    rest: &Rest,
    peer: Peer,
    request: RequestId,
    headers: &HeaderMap,
) -> Result<Actor, Refusal> {
    if peer == (Peer::Local { uid: 0 }) {
        return Ok(Actor::Operator);
    }
    let origin = Origin::of(peer);
    let Some(credentials) = headers.get(header::AUTHORIZATION) else {
        return match peer {
            Peer::Local { uid } => Ok(Actor::LocalUser { uid }),
            Peer::Network(_) => Err(unauthenticated("the request names no API key")),
        };
    };
    rest.limits.may_try(origin)?;
    let bearer = credentials
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    let Some(bearer) = bearer else {
        rest.limits.failed(origin);
        return Err(unauthenticated("the header Authorization is not of the form `Bearer berth_…`"));
    };
    let actor = match app::authenticate(&rest.app, request, bearer, &peer.to_string()).await {
        Ok(actor) => actor,
        Err(problems) => {
            if problems.iter().any(|problem| problem.code == Code::Unauthenticated) {
                rest.limits.failed(origin);
            }
            return Err(problems.into());
        }
    };
    if let Actor::ApiKey { key, .. } = &actor {
        rest.limits.admit_key(*key)?;
    }
    Ok(actor)
}

fn unauthenticated(detail: &str) -> Refusal {
    Problem::new(Code::Unauthenticated, detail)
        .hint("send Authorization: Bearer with an API key; `berth api-key create` makes one")
        .into()
}

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    match value.to_str() {
        Ok(key) if (1..=IDEMPOTENCY_KEY_MAX).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => Err(Problem::new(
            Code::ValueInvalid,
            format!("an idempotency key has 1 to {IDEMPOTENCY_KEY_MAX} printable ASCII characters"),
        )
        .at("Idempotency-Key")
        .into()),
    }
}

/// The version that an edit expects: an entity tag as answers carry it, or `*` for any.
fn if_match(headers: &HeaderMap) -> Result<Option<i64>, Refusal> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    if text.starts_with("W/") {
        // A weak tag never matches here (RFC 9110, section 13.1.1).
        return Err(Refusal::new(Code::PreconditionFailed, "a weak entity tag matches no version"));
    }
    let digits = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    digits.parse().map(Some).map_err(|_| {
        Problem::new(Code::ValueInvalid, "If-Match holds no entity tag of this API")
            .at("If-Match")
            .hint("repeat the ETag of the answer that the edit is based on")
            .into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_entity_tags() {
        let check = |text: &str, expected: Result<Option<i64>, Code>| {
            let headers = HeaderMap::from_iter([(header::IF_MATCH, text.parse().unwrap())]);
            let found = if_match(&headers).map_err(|refusal| refusal.problems().leading().unwrap().code);
            assert_eq!(found, expected, "{text}");
        };
        check("\"7\"", Ok(Some(7)));
        check("7", Ok(Some(7)));
        check("*", Ok(None));
        check("W/\"7\"", Err(Code::PreconditionFailed));
        check("\"abc\"", Err(Code::ValueInvalid));
        check("\"1\", \"2\"", Err(Code::ValueInvalid));
        assert_eq!(if_match(&HeaderMap::new()).unwrap(), None);
    }

    #[test]
    fn idempotency_keys_have_bounds() {
        let with =
            |text: &str| idempotency_key(&HeaderMap::from_iter([(IDEMPOTENCY_KEY, text.parse().unwrap())]));
        assert_eq!(with("order-17").unwrap().as_deref(), Some("order-17"));
        assert!(with("").is_err());
        assert!(with(&"x".repeat(201)).is_err());
        assert_eq!(idempotency_key(&HeaderMap::new()).unwrap(), None);
    }
}
