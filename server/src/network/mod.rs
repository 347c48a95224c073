//! What the server asks of the internet on behalf of customers: records and pages of names that they claim, and
//! events that it sends to webhooks.
//!
//! Such a name can lead anywhere, also to services inside the operator's network. So addresses are looked up
//! first, those that are nobody's public ones are refused, and the connection goes to exactly the address that
//! was looked at; a redirect stays on the same host, and time and size are bounded.

mod address;
mod dns;
mod page;
mod post;

use std::net::{IpAddr, SocketAddr};

use async_trait::async_trait;
use berth_core::name::Fqdn;
use berth_core::webhook::WebhookUrl;
use reqwest::Url;

pub(crate) use address::is_public;

/// Questions to the internet.
#[async_trait]
pub trait Network: Send + Sync {
    /// The texts of the TXT records of a name; none if there are none.
    async fn texts(&self, name: &str) -> Result<Vec<String>, NetworkError>;

    /// What a host answers at a path to a plain HTTP request.
    async fn page(&self, host: &Fqdn, path: &str, redirects: Redirects) -> Result<Page, NetworkError>;

    /// Sends something; the HTTP status of the answer. Redirects are not followed.
    async fn post(&self, post: &Post) -> Result<u16, NetworkError>;
}

/// Something to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// Where to.
    pub url: WebhookUrl,
    /// Headers beside the usual ones.
    pub headers: Vec<(&'static str, String)>,
    /// A JSON document.
    pub body: String,
    /// Whether it may go to an address that is nobody's public one.
    pub allow_private: bool,
}

/// Which redirects are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redirects {
    /// None.
    Refused,
    /// Those to the same host, by HTTP or HTTPS.
    SameHost,
}

/// The beginning of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The HTTP status.
    pub status: u16,
    /// At most the first four kilobytes, as text.
    pub body: String,
}

/// Why there is no answer. The texts are shown to customers.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The name leads nowhere.
    #[error("{0} has no address")]
    NoAddress(String),
    /// The name leads to places that are nobody's public ones.
    #[error("{name} leads to {address}, which is not a public address")]
    NotPublic {
        /// The name.
        name: String,
        /// One of its addresses.
        address: IpAddr,
    },
    /// The name servers did not answer.
    #[error("the name servers did not answer for {name}: {why}")]
    Dns {
        /// The name.
        name: String,
        /// What the resolver says.
        why: String,
    },
    /// The web server did not answer.
    #[error("{host} ({address}) did not answer: {why}")]
    Http {
        /// The host.
        host: String,
        /// Where it was asked.
        address: IpAddr,
        /// Why, without the address of the page.
        why: String,
    },
}

/// The internet as this machine sees it.
#[derive(Debug, Clone, Default)]
pub struct Internet {
    /// The name server to ask; those of the system if none is named.
    pub resolver: Option<SocketAddr>,
    /// Whether addresses that are not public may be asked, which is for tests only.
    pub allow_private: bool,
}

/// The addresses of a name, whatever they are.
pub(crate) async fn addresses(internet: &Internet, name: &str) -> Result<Vec<IpAddr>, NetworkError> {
    dns::addresses(internet.resolver, name).await
}

#[async_trait]
impl Network for Internet {
    async fn texts(&self, name: &str) -> Result<Vec<String>, NetworkError> {
        dns::texts(self.resolver, name).await
    }

    async fn page(&self, host: &Fqdn, path: &str, redirects: Redirects) -> Result<Page, NetworkError> {
        let found = dns::addresses(self.resolver, host.as_str()).await?;
        let allowed = allowed(host.as_str(), &found, self.allow_private)?;
        page::fetch(host, &allowed, path, redirects).await
    }

    async fn post(&self, post: &Post) -> Result<u16, NetworkError> {
        let nowhere = || NetworkError::NoAddress(post.url.origin());
        let url = Url::parse(post.url.as_str()).map_err(|_| nowhere())?;
        let host = url.host_str().ok_or_else(nowhere)?;
        let found = match post.url.literal_address() {
            Some(address) => vec![address],
            None => dns::addresses(self.resolver, host).await?,
        };
        let allowed = allowed(host, &found, post.allow_private)?;
        post::send(post, &url, host, &allowed).await
    }
}

/// Those of a name's addresses that may be asked.
fn allowed(name: &str, found: &[IpAddr], allow_private: bool) -> Result<Vec<IpAddr>, NetworkError> {
    let allowed: Vec<IpAddr> =
        found.iter().copied().filter(|found| allow_private || is_public(*found)).collect();
    match (allowed.is_empty(), found.first()) {
        (false, _) => Ok(allowed),
        (true, Some(address)) => Err(NetworkError::NotPublic { name: name.to_owned(), address: *address }),
        (true, None) => Err(NetworkError::NoAddress(name.to_owned())),
    }
}
