//! Plesk's XML API: `POST /enterprise/control/agent.php`.
//!
//! A packet is read as a whole first; if its form is wrong nothing of it is done. Then its operations are run
//! one after the other, and each answers for itself. The answer is always a document with HTTP status 200.

mod caller;
mod fault;
mod operator;
mod packet;
mod reply;
mod schema;
mod xml;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;

use crate::app::Ctx;
use crate::rest::{Rest, read_body};
use fault::Fault;
use packet::Packet;
use reply::{Node, node, status};
use schema::Order;

/// Where clients send packets.
const PATH: &str = "/enterprise/control/agent.php";

/// The routes of the dialect.
pub(crate) fn routes() -> Router<Rest> {
    Router::new().route(PATH, post(answer))
}

/// Reads a packet as the endpoint does, and does nothing with it: whether its form is right. For tests that throw
/// anything at it.
pub fn is_packet(bytes: &[u8]) -> bool {
    packet::parse(bytes, None, Order::Strict).is_ok()
}

async fn answer(State(rest): State<Rest>, request: Request) -> Response {
    let pretty = request
        .headers()
        .get("http_pretty_print")
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"));
    let reply = match run(&rest, request).await {
        Ok(reply) => reply,
        Err(fault) => node("packet", vec![node("system", status(Err(&fault)))]),
    };
    let kind = HeaderValue::from_static("text/xml; charset=UTF-8");
    ([(header::CONTENT_TYPE, kind)], reply.document(pretty)).into_response()
}

async fn run(rest: &Rest, request: Request) -> Result<Node, Fault> {
    let (parts, body) = request.into_parts();
    // Whoever is not known gets nothing read.
    let ctx = caller::identify(rest, &parts).await?;
    let charset = charset(&parts.headers);
    let request = Request::from_parts(parts, body);
    let bytes = read_body(request).await.map_err(|refusal| {
        let said = refusal.problems().leading().map(|problem| problem.detail.clone());
        Fault::new(fault::FORMAT, format!("Parser error: {}", said.unwrap_or_default()))
    })?;
    let order = if rest.app().settings.plesk_any_order { Order::Any } else { Order::Strict };
    let Packet { version, operators } = packet::parse(&bytes, charset.as_deref(), order)?;
    let mut answered = Vec::with_capacity(operators.len());
    for operator in operators {
        answered.push(run_operator(&ctx, operator).await);
    }
    let reply = node("packet", answered);
    Ok(match version {
        Some(version) => reply.with("version", version),
        None => reply,
    })
}

async fn run_operator(ctx: &Ctx, operator: packet::Operator) -> Node {
    let mut answered = Vec::with_capacity(operator.operations.len());
    for (name, operation) in operator.operations {
        answered.push(node(name, operation.run(ctx).await));
    }
    node(operator.name, answered)
}

/// The encoding that the transport says, if it does.
fn charset(headers: &HeaderMap) -> Option<String> {
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    kind.split(';').find_map(|parameter| {
        let (name, value) = parameter.trim().split_once('=')?;
        name.eq_ignore_ascii_case("charset").then(|| value.trim_matches('"').to_owned())
    })
}
