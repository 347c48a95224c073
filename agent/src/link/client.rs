//! One request at a time over a fresh connection: a long poll needs no pool.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

/// The server at the other end of a socket.
#[derive(Debug)]
pub struct Client {
    socket: PathBuf,
}

/// Largest answer that is read.
const ANSWER_MAX: usize = 64 * 1024 * 1024;

/// Why an exchange failed.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Nobody is there, or we may not talk to them.
    #[error("cannot connect to {}", socket.display())]
    Connect {
        /// The server's socket.
        socket: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The exchange broke off.
    #[error("the exchange on {path} broke off")]
    Exchange {
        /// What was asked for.
        path: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No answer came in time.
    #[error("no answer on {path} in time")]
    Timeout {
        /// What was asked for.
        path: &'static str,
    },
    /// The server said no.
    #[error("the server answered {status} on {path}")]
    Refused {
        /// What was asked for.
        path: &'static str,
        /// The status.
        status: StatusCode,
    },
    /// The ledger could not be written.
    #[error("cannot store what the server sent")]
    Ledger(#[source] io::Error),
}

impl Client {
    /// A client of the server at a Unix socket.
    pub const fn new(socket: PathBuf) -> Self {
        Self { socket }
    }

    /// Sends a value and reads the answer.
    ///
    /// # Errors
    /// See [`LinkError`].
    pub async fn post<Q, A>(
        &self,
        path: &'static str,
        question: &Q,
        patience: Duration,
    ) -> Result<A, LinkError>
    where
        Q: Serialize + Sync,
        A: DeserializeOwned,
    {
        tokio::time::timeout(patience, self.exchange(path, question))
            .await
            .unwrap_or(Err(LinkError::Timeout { path }))
    }

    async fn exchange<Q, A>(&self, path: &'static str, question: &Q) -> Result<A, LinkError>
    where
        Q: Serialize + Sync,
        A: DeserializeOwned,
    {
        let broken = |source: Box<dyn std::error::Error + Send + Sync>| LinkError::Exchange { path, source };
        let stream = UnixStream::connect(&self.socket)
            .await
            .map_err(|source| LinkError::Connect { socket: self.socket.clone(), source })?;
        let body = serde_json::to_vec(question).map_err(|error| broken(error.into()))?;
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(HOST, "localhost")
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| broken(error.into()))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| broken(error.into()))?;
        // The connection ends with the sender; what went wrong with it shows in the answer.
        let driver = tokio::spawn(connection);
        let answer = sender.send_request(request).await.map_err(|error| broken(error.into()))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_MAX).collect().await.map_err(broken)?.to_bytes();
        driver.abort();
        if !status.is_success() {
            return Err(LinkError::Refused { path, status });
        }
        let text: &[u8] = if body.is_empty() { b"null" } else { &body };
        serde_json::from_slice(text).map_err(|error| broken(error.into()))
    }
}
