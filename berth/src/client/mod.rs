//! The REST client: over the operator socket on the same host, over HTTPS from elsewhere.

mod connection;
mod request;
mod wait;

pub(crate) use connection::ConnectionArgs;
pub(crate) use request::Request;
pub(crate) use wait::{Followed, WaitArgs, follow, follow_change};

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::failure::{Document, Failure};
use crate::output::Console;

/// A connection to a server, and where its answers go.
pub(crate) struct Session {
    pub(crate) console: Console,
    http: reqwest::Client,
    base: reqwest::Url,
    bearer: Option<String>,
    /// What to say to people of the place that was tried.
    place: String,
}

/// Longest that a server may think about one request; long polls are shorter.
const TIMEOUT: Duration = Duration::from_secs(90);

impl Session {
    /// Sends a request and gives the answer's JSON.
    pub(crate) async fn send(&self, request: Request) -> Result<Value, Failure> {
        self.send_marked(request).await.map(|(answer, _)| answer)
    }

    /// Sends a request and gives the answer's JSON with its entity tag.
    pub(crate) async fn send_marked(&self, request: Request) -> Result<(Value, Option<String>), Failure> {
        let url = request.url(&self.base)?;
        let mut sending = self.http.request(request.method, url).timeout(TIMEOUT);
        for (name, value) in request.headers {
            sending = sending.header(name, value);
        }
        if let Some(bearer) = &self.bearer {
            sending = sending.bearer_auth(bearer);
        }
        if let Some(body) = &request.body {
            sending = sending.json(body);
        }
        let response = sending.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        let tag = response.headers().get("etag").and_then(|tag| tag.to_str().ok()).map(str::to_owned);
        let body = response.bytes().await.map_err(|error| self.unreachable(&error))?;
        if status.is_success() {
            if body.is_empty() {
                return Ok((Value::Object(serde_json::Map::new()), tag));
            }
            return serde_json::from_slice(&body).map(|answer| (answer, tag)).map_err(|error| {
                Failure::local(format!("the answer of {} can't be read", self.place), error)
            });
        }
        Err(Failure::told(self.document(status.as_u16(), &body)))
    }

    /// Sends a request and reads the answer as a type.
    pub(crate) async fn fetch<T: DeserializeOwned>(&self, request: Request) -> Result<T, Failure> {
        decode(&self.send(request).await?)
    }

    /// The problem document in a body, or one that says what came instead.
    fn document(&self, status: u16, body: &[u8]) -> Document {
        let mut document = serde_json::from_slice::<Document>(body).unwrap_or_else(|_| Document {
            kind: "about:blank".to_owned(),
            title: "The server answered without saying what is wrong".to_owned(),
            status,
            detail: format!("{} answered with HTTP status {status}", self.place),
            code: String::new(),
            field: None,
            hint: None,
            request_id: None,
            problems: Vec::new(),
        });
        document.status = status;
        document
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let mut detail = format!("{} can't be reached", self.place);
        let mut source: Option<&dyn std::error::Error> = Some(error);
        // The innermost cause is the one that helps; what wraps it repeats the address.
        while let Some(cause) = source {
            source = cause.source();
            if source.is_none() {
                detail = format!("{detail}: {cause}");
            }
        }
        let hint = if self.bearer.is_some() {
            "check the address, and pass the panel's own certificate with --ca-file"
        } else {
            "look at `systemctl status berth`; after a new installation run `berth setup` as root"
        };
        Failure::unreachable(detail, hint)
    }
}

/// Reads an answer as a type.
pub(crate) fn decode<T: DeserializeOwned>(value: &Value) -> Result<T, Failure> {
    T::deserialize(value)
        .map_err(|error| Failure::local("the server's answer is not what this version expects", error))
}
