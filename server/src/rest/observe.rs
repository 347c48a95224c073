//! What happens around every request: its id, its log line, its figures, its time limit, and the headers and
//! problem document of its answer.

use std::any::Any;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use berth_core::Code;
use berth_core::id::RequestId;
use metrics::{counter, histogram};
use tracing::field::Empty;
use tracing::{Instrument, Span, info_span};

use super::Rest;
use super::problem::{self, Refusal};
use crate::listen::Peer;
use crate::panel;

/// Longest that a request may take; the longest poll is shorter.
const TIME_LIMIT: Duration = Duration::from_mins(1);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The outermost layer.
pub(super) async fn observe(State(rest): State<Rest>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = said_id(request.headers()).unwrap_or_else(|| rest.app.request_id());
    request.extensions_mut().insert(id);
    let peer = request.extensions().get::<Peer>().copied();
    let method = method_name(request.method());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "unmatched".to_owned(), |route| route.as_str().to_owned());
    let span = info_span!("request", %id, method, route, actor = Empty);
    let asked = panel::Asked::new(request.uri().path(), request.method(), request.headers(), id);
    let answered = within_limits(&rest, peer, request, next).instrument(span.clone()).await;
    let mut response = problem::render(answered, id, &asked);
    finish(response.headers_mut(), id, peer);
    let elapsed = started.elapsed();
    record(&response, method, &route, elapsed, &span);
    response
}

async fn within_limits(rest: &Rest, peer: Option<Peer>, request: Request, next: Next) -> Response {
    if let Some(Peer::Network(address)) = peer
        && let Err(refusal) = rest.limits.admit(address.ip().into())
    {
        return refusal.into_response();
    }
    tokio::time::timeout(TIME_LIMIT, next.run(request))
        .await
        .unwrap_or_else(|_| Refusal::new(Code::Timeout, "the request took too long").into_response())
}

/// Turns a panic into an answer; what it said goes to the journal only.
pub(super) fn panicked(said: &(dyn Any + Send)) -> Response {
    let what = said
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| said.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without a text");
    Refusal::internal(what).into_response()
}

/// The id that the client gave the request, so that its log and ours can be laid side by side.
fn said_id(headers: &HeaderMap) -> Option<RequestId> {
    headers.get(REQUEST_ID)?.to_str().ok()?.parse().ok()
}

fn finish(headers: &mut HeaderMap, id: RequestId, peer: Option<Peer>) {
    if let Ok(id) = HeaderValue::try_from(id.to_string()) {
        headers.insert(REQUEST_ID, id);
    }
    let mut default = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    default(header::CACHE_CONTROL, "no-store");
    default(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    default(header::REFERRER_POLICY, "no-referrer");
    default(header::X_FRAME_OPTIONS, "DENY");
    default(
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'",
    );
    if matches!(peer, Some(Peer::Network(_))) {
        default(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
}

/// Counts the request and writes its one line; faults of ours louder than faults of the client.
fn record(response: &Response, method: &'static str, route: &str, elapsed: Duration, span: &Span) {
    let status = response.status().as_u16();
    counter!("berth_http_requests_total",
        "method" => method, "route" => route.to_owned(), "status" => status.to_string())
    .increment(1);
    histogram!("berth_http_request_seconds", "method" => method, "route" => route.to_owned())
        .record(elapsed.as_secs_f64());
    let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    let problems = response.extensions().get::<Refusal>().map(|refusal| {
        let codes: Vec<&str> = refusal.problems().iter().map(|problem| problem.code.as_str()).collect();
        codes.join(",")
    });
    let problems = problems.as_deref();
    span.in_scope(|| match status {
        500.. => tracing::warn!(status, millis, problems, "answered"),
        _ if route.starts_with("/health") || route.starts_with("/agent") => {
            tracing::debug!(status, millis, problems, "answered");
        }
        _ => tracing::info!(status, millis, problems, "answered"),
    });
}

/// The method, out of a bounded set: anybody can make up others.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
