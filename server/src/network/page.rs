use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use berth_core::name::Fqdn;
use reqwest::redirect::Policy;
use reqwest::{Client, Url};

use super::{NetworkError, Page, Redirects};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long everything may take.
const WHOLE: Duration = Duration::from_secs(12);
/// How much is read.
const MOST_BYTES: usize = 4096;
/// Most redirects in a row.
const MOST_REDIRECTS: usize = 3;

/// Asks a host at these addresses and at no others, one after the other until somebody answers.
pub(super) async fn fetch(
    host: &Fqdn,
    addresses: &[IpAddr],
    path: &str,
    redirects: Redirects,
) -> Result<Page, NetworkError> {
    let mut last = NetworkError::NoAddress(host.to_string());
    for address in addresses {
        let asked = tokio::time::timeout(WHOLE, ask(host, *address, path, redirects)).await;
        match asked.unwrap_or_else(|_| Err("it took too long".to_owned())) {
            Ok(page) => return Ok(page),
            Err(why) => last = NetworkError::Http { host: host.to_string(), address: *address, why },
        }
    }
    Err(last)
}

async fn ask(host: &Fqdn, address: IpAddr, path: &str, redirects: Redirects) -> Result<Page, String> {
    let client = Client::builder()
        .resolve(host.as_str(), SocketAddr::new(address, 0))
        .no_proxy()
        .connect_timeout(CONNECT)
        .redirect(policy(host, redirects))
        // The first request is not encrypted either: it is what the page holds that proves something.
        .tls_danger_accept_invalid_certs(true)
        .build()
        .map_err(|error| plain(&error))?;
    let mut response =
        client.get(format!("http://{host}{path}")).send().await.map_err(|error| plain(&error))?;
    let mut body = Vec::new();
    while body.len() < MOST_BYTES
        && let Some(part) = response.chunk().await.map_err(|error| plain(&error))?
    {
        let rest = MOST_BYTES - body.len();
        body.extend(part.iter().take(rest));
    }
    Ok(Page { status: response.status().as_u16(), body: String::from_utf8_lossy(&body).into_owned() })
}

fn policy(host: &Fqdn, redirects: Redirects) -> Policy {
    if redirects == Redirects::Refused {
        return Policy::none();
    }
    let host = host.to_string();
    Policy::custom(move |attempt| {
        if attempt.previous().len() <= MOST_REDIRECTS && is_same(&host, attempt.url()) {
            attempt.follow()
        } else {
            // The answer is then the redirect itself, which is no page that proves anything.
            attempt.stop()
        }
    })
}

/// Whether an address is of this host and of the port that its scheme stands for.
fn is_same(host: &str, url: &Url) -> bool {
    url.host_str() == Some(host) && matches!(url.scheme(), "http" | "https") && url.port().is_none()
}

/// What went wrong, with its causes, but without the address of the page.
pub(super) fn plain(error: &reqwest::Error) -> String {
    let mut causes: Vec<String> = Vec::new();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    let said = causes.pop().unwrap_or_else(|| "the request failed".to_owned());
    said.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_stays_on_the_host_and_on_its_usual_ports() {
        for (url, same) in [
            ("http://a.example/x", true),
            ("https://a.example/", true),
            ("https://a.example:443/", true),
            ("http://a.example:80/", true),
            ("http://a.example:8080/", false),
            ("http://b.example/", false),
            ("http://127.0.0.1/", false),
            ("http://a.example.evil.example/", false),
            ("ftp://a.example/", false),
        ] {
            assert_eq!(is_same("a.example", &url.parse().unwrap()), same, "{url}");
        }
    }
}
