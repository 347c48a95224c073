//! Certification authorities that speak ACME (RFC 8555): what the server asks of them, and what it makes of
//! their answers.

mod authority;
mod http;
mod leaf;

use async_trait::async_trait;
use berth_core::certificate::{PrivateKey, Thumbprint};
use berth_core::name::Fqdn;
use zeroize::Zeroizing;

pub use authority::AcmeAuthority;
pub(crate) use leaf::renew_at;
pub use leaf::{Leaf, LeafError};

/// Where the answers to challenges of the kind http-01 are looked for (RFC 8555, section 8.3).
pub const CHALLENGE_PATH: &str = "/.well-known/acme-challenge/";

/// A certification authority.
#[async_trait]
pub trait Authority: Send + Sync {
    /// Opens an account; with the credentials of one that the authority has forgotten it is opened anew with
    /// the same key.
    async fn register(&self, forgotten: Option<&[u8]>) -> Result<Registration, AuthorityError>;

    /// Orders a certificate for these names and waits for it.
    async fn order(&self, credentials: &[u8], names: &[Fqdn]) -> Result<Fresh, AuthorityError>;
}

/// An account at an authority.
pub struct Registration {
    /// What opens it. Secret.
    pub credentials: Zeroizing<Vec<u8>>,
    /// The thumbprint of its key.
    pub thumbprint: Thumbprint,
}

/// A certificate that was just issued.
pub struct Fresh {
    /// It and those that vouch for it, in PEM, its own first.
    pub chain: String,
    /// Its key.
    pub key: PrivateKey,
}

/// Why there is no certificate. The texts are shown to customers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthorityError {
    /// The authority can't be reached or used.
    #[error("the certification authority can't be reached: {0}")]
    Unreachable(String),
    /// It does not know the account any more.
    #[error("the certification authority does not know our account")]
    AccountUnknown,
    /// It wants fewer orders.
    #[error("the certification authority wants us to wait: {0}")]
    Limited(String),
    /// It has looked at the names and was not convinced by these.
    #[error("{}", .0.iter().map(|(name, why)| format!("{name}: {why}")).collect::<Vec<_>>().join("; "))]
    Names(Vec<(Fqdn, String)>),
    /// Anything else that it said.
    #[error("{0}")]
    Refused(String),
}
