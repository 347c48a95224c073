use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::Watcher;
use tokio::io::{AsyncRead, AsyncWrite};
use tower::Service;

use super::Peer;
use super::idle::Idle;

/// How long a connection may be without any traffic; longer than the longest poll.
const IDLE: Duration = Duration::from_secs(75);

/// How long a client may take for the head of a request, and between two requests.
const HEAD: Duration = Duration::from_secs(30);

/// What client and server have agreed to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// Serves one connection until it ends or the server does.
///
/// The protocol is given rather than guessed from the first bytes: waiting for these would be a wait without
/// a bound.
pub(super) async fn serve<S>(stream: S, protocol: Protocol, peer: Peer, router: Router, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let stream = TokioIo::new(Idle::new(stream, IDLE));
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        answer(router.clone(), request)
    });
    let ended = match protocol {
        Protocol::Http1 => {
            let mut builder = http1::Builder::new();
            builder.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(64 * 1024);
            watcher.watch(builder.serve_connection(stream, service)).await
        }
        Protocol::Http2 => {
            let mut builder = http2::Builder::new(TokioExecutor::new());
            builder
                .timer(TokioTimer::new())
                .keep_alive_interval(Duration::from_secs(20))
                .keep_alive_timeout(Duration::from_secs(20))
                .max_concurrent_streams(64)
                .max_header_list_size(32 * 1024);
            watcher.watch(builder.serve_connection(stream, service)).await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = &error as &dyn std::error::Error, "connection ended early");
    }
}

async fn answer(mut router: Router, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    // A router is always ready, so there is nothing to poll first.
    router.call(request).await
}
