use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Url};

use super::page::plain;
use super::{NetworkError, Post};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long everything may take.
const WHOLE: Duration = Duration::from_secs(10);
/// How much of the answer is read, so that the connection ends in order; none of it is kept.
const MOST_BYTES: usize = 4096;

/// Sends to a host at these addresses and at no others, one after the other until a connection is made; the
/// status of the answer. A redirect is an answer like any other.
pub(super) async fn send(
    post: &Post,
    url: &Url,
    host: &str,
    addresses: &[IpAddr],
) -> Result<u16, NetworkError> {
    let mut last = NetworkError::NoAddress(host.to_owned());
    for address in addresses {
        let asked = tokio::time::timeout(WHOLE, ask(post, url, host, *address)).await;
        match asked.unwrap_or_else(|_| Err(Tried { why: "it took too long".to_owned(), connected: true })) {
            Ok(status) => return Ok(status),
            Err(Tried { why, connected }) => {
                last = NetworkError::Http { host: host.to_owned(), address: *address, why };
                // Whoever may have got it is not sent it again at another address.
                if connected {
                    return Err(last);
                }
            }
        }
    }
    Err(last)
}

struct Tried {
    why: String,
    connected: bool,
}

impl From<reqwest::Error> for Tried {
    fn from(error: reqwest::Error) -> Self {
        Self { why: plain(&error), connected: !error.is_connect() }
    }
}

async fn ask(post: &Post, url: &Url, host: &str, address: IpAddr) -> Result<u16, Tried> {
    let client = Client::builder()
        .resolve(host, SocketAddr::new(address, 0))
        .no_proxy()
        .connect_timeout(CONNECT)
        .redirect(Policy::none())
        .build()?;
    let mut request = client
        .post(url.clone())
        .header("content-type", "application/json")
        .header("user-agent", concat!("Berth/", env!("CARGO_PKG_VERSION")))
        .body(post.body.clone());
    for (name, value) in &post.headers {
        request = request.header(*name, value);
    }
    let mut response = request.send().await?;
    let mut read = 0;
    while read < MOST_BYTES
        && let Ok(Some(part)) = response.chunk().await
    {
        read += part.len();
    }
    Ok(response.status().as_u16())
}
