//! How requests reach the authority: by the HTTP client that the server has anyway.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Bytes;
use hyper::http::{Request, Response};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use reqwest::{Certificate, Client, redirect};

use super::AuthorityError;

/// How long a connection to the authority may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long an answer may take.
const WHOLE: Duration = Duration::from_mins(1);
/// Longest answer; a chain of certificates takes some kilobytes.
const MOST_BYTES: usize = 1024 * 1024;

/// A client that trusts what the system trusts, and the certificates in a file beside it.
pub(super) struct Transport(Client);

impl Transport {
    pub(super) fn new(trust: Option<&Path>) -> Result<Self, AuthorityError> {
        let mut builder = Client::builder()
            .connect_timeout(CONNECT)
            .timeout(WHOLE)
            .https_only(true)
            // Each answer is signed for its address, so that a redirect could lead to nothing good.
            .redirect(redirect::Policy::none());
        if let Some(path) = trust {
            let failed =
                |why: &dyn std::fmt::Display| AuthorityError::Unreachable(format!("`acme.trust`: {why}"));
            let pem = std::fs::read(path).map_err(|error| failed(&error))?;
            let certificates = Certificate::from_pem_bundle(&pem).map_err(|error| failed(&error))?;
            builder = builder.tls_certs_merge(certificates);
        }
        builder.build().map(Self).map_err(|error| AuthorityError::Unreachable(plain(&error)))
    }
}

impl HttpClient for Transport {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let client = self.0.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = match body.collect().await {
                Ok(body) => body.to_bytes(),
                Err(never) => match never {},
            };
            let request = reqwest::Request::try_from(Request::from_parts(parts, body)).map_err(failed)?;
            let mut answer = client.execute(request).await.map_err(failed)?;
            let mut bytes = Vec::new();
            while let Some(part) = answer.chunk().await.map_err(failed)? {
                if bytes.len() + part.len() > MOST_BYTES {
                    return Err(Error::Other("the answer is too long".into()));
                }
                bytes.extend_from_slice(&part);
            }
            let mut response = Response::new(BodyWrapper::from(bytes));
            *response.status_mut() = answer.status();
            *response.headers_mut() = answer.headers().clone();
            Ok(BytesResponse::from(response))
        })
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what errors are mapped with")]
fn failed(error: reqwest::Error) -> Error {
    Error::Other(plain(&error).into())
}

/// What went wrong, by its last cause, which is the one that says something.
fn plain(error: &reqwest::Error) -> String {
    let mut said = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        said = cause.to_string();
        next = cause.source();
    }
    said.chars().filter(|c| !c.is_control()).take(300).collect()
}
