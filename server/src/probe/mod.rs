//! Trying the connections of websites: is the server there, does it let us in, is the directory there?
//!
//! Whoever defines a website says where to connect to, so addresses are looked up first, those of this host
//! and of its links (where clouds tell secrets) are refused, and the connection goes to exactly the address
//! that was looked at. Nothing is written anywhere.

mod ftp;
mod mysql;
mod ssh;

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use async_trait::async_trait;
use berth_core::website::{Remote, Scheme, VhostUrl, WebsiteDatabase};
use tokio::net::TcpStream;

use crate::network::{self, Internet};

/// How long a connection may take to stand.
const CONNECT: Duration = Duration::from_secs(8);

/// How long one probe may take in all.
const WHOLE: Duration = Duration::from_secs(20);

/// Tries connections.
#[async_trait]
pub trait Prober: Send + Sync {
    /// Signs in to a remote directory and looks at it. `pinned` is the fingerprint that an SSH server has to
    /// show; gives the one that it showed.
    async fn remote(&self, remote: &Remote, pinned: Option<&str>) -> Result<Option<String>, ProbeError>;

    /// Signs in to a database and looks at what may be done there.
    async fn database(&self, database: &WebsiteDatabase) -> Result<(), ProbeError>;

    /// Finds out where an address leads; `at` is the answer if there is one.
    async fn vhost(&self, url: &VhostUrl, at: Option<IpAddr>) -> Result<(), ProbeError>;
}

/// Why a connection is no good. The texts are shown to whoever asked, and hold no secret.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The name leads nowhere.
    #[error("{0} has no address")]
    NoAddress(String),
    /// The name leads to this host or to its links.
    #[error("{host} leads to {address}, which is not allowed here")]
    NotAllowed {
        /// The name.
        host: String,
        /// One of its addresses.
        address: IpAddr,
    },
    /// Nobody answers.
    #[error("{server} can't be reached: {why}")]
    Unreachable {
        /// Host and port.
        server: String,
        /// Why.
        why: String,
    },
    /// It took too long.
    #[error("{0} did not answer in time")]
    Timeout(String),
    /// The server has another key than before.
    #[error("{server} shows the key {shown} instead of {pinned}, which it showed before")]
    OtherKey {
        /// Host and port.
        server: String,
        /// Its fingerprint now.
        shown: String,
        /// Its fingerprint then.
        pinned: String,
    },
    /// The private key can't be read.
    #[error("the private key can't be read: use an unencrypted OpenSSH or PEM key")]
    KeyUnreadable,
    /// The server does not let us in.
    #[error("{server} refuses the {what} of {user}")]
    Refused {
        /// Host and port.
        server: String,
        /// Who tried.
        user: String,
        /// `password` or `key`.
        what: &'static str,
    },
    /// There is no such directory, or we may not look at it.
    #[error("{server} has no directory {directory} that {user} may use")]
    NoDirectory {
        /// Host and port.
        server: String,
        /// The directory.
        directory: String,
        /// Who tried.
        user: String,
    },
    /// The directory can't be written to.
    #[error("{user} may not write to {directory} on {server}")]
    ReadOnly {
        /// Host and port.
        server: String,
        /// The directory.
        directory: String,
        /// Who tried.
        user: String,
    },
    /// The user may not do everything in the database.
    #[error("{user} does not have all privileges on the database {database}")]
    NoPrivileges {
        /// The database user.
        user: String,
        /// The database.
        database: String,
    },
    /// The server said something else.
    #[error("{server} failed: {why}")]
    Failed {
        /// Host and port.
        server: String,
        /// What it said.
        why: String,
    },
}

/// Connections from this machine.
#[derive(Debug, Clone, Default)]
pub struct Connections {
    /// Where names are looked up.
    pub internet: Internet,
    /// Whether this host and its links may be connected to.
    pub allow_loopback: bool,
}

#[async_trait]
impl Prober for Connections {
    async fn remote(&self, remote: &Remote, pinned: Option<&str>) -> Result<Option<String>, ProbeError> {
        let server = format!("{}:{}", remote.host(), remote.port());
        let probe = async {
            let stream = self.connect(remote.host(), remote.port()).await?;
            match remote.scheme() {
                Scheme::Ssh | Scheme::Sftp => ssh::probe(stream, remote, &server, pinned).await.map(Some),
                Scheme::Ftp | Scheme::Ftps => ftp::probe(stream, remote, &server).await.map(|()| None),
            }
        };
        within(&server, probe).await
    }

    async fn database(&self, database: &WebsiteDatabase) -> Result<(), ProbeError> {
        let server = format!("{}:{}", database.host.host(), database.host.port());
        let probe = async {
            // A name of one's own server, which says nothing about anybody else's.
            let at = if database.host.host() == "localhost" {
                mysql::At::ThisHost
            } else {
                mysql::At::Address(self.addresses(database.host.host()).await?)
            };
            mysql::probe(&at, database, &server).await
        };
        within(&server, probe).await
    }

    async fn vhost(&self, url: &VhostUrl, at: Option<IpAddr>) -> Result<(), ProbeError> {
        match at {
            Some(address) if self.is_allowed(address) => Ok(()),
            Some(address) => Err(ProbeError::NotAllowed { host: url.host().to_owned(), address }),
            None => within(url.host(), self.addresses(url.host())).await.map(drop),
        }
    }
}

impl Connections {
    async fn connect(&self, host: &str, port: u16) -> Result<TcpStream, ProbeError> {
        let server = format!("{host}:{port}");
        let mut last = ProbeError::NoAddress(host.to_owned());
        for address in self.addresses(host).await? {
            let connecting = TcpStream::connect(SocketAddr::new(address, port));
            last = match tokio::time::timeout(CONNECT, connecting).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => {
                    ProbeError::Unreachable { server: server.clone(), why: error.kind().to_string() }
                }
                Err(_) => ProbeError::Timeout(server.clone()),
            };
        }
        Err(last)
    }

    /// The addresses of a host that may be connected to.
    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, ProbeError> {
        let found = match host.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) if host == "localhost" => {
                vec![IpAddr::V6(Ipv6Addr::LOCALHOST), IpAddr::from([127, 0, 0, 1])]
            }
            Err(_) => network::addresses(&self.internet, host).await.map_err(|error| {
                ProbeError::Unreachable { server: host.to_owned(), why: error.to_string() }
            })?,
        };
        let first = found.first().copied();
        let allowed: Vec<IpAddr> = found.into_iter().filter(|address| self.is_allowed(*address)).collect();
        match (allowed.is_empty(), first) {
            (false, _) => Ok(allowed),
            (true, Some(address)) => Err(ProbeError::NotAllowed { host: host.to_owned(), address }),
            (true, None) => Err(ProbeError::NoAddress(host.to_owned())),
        }
    }

    fn is_allowed(&self, address: IpAddr) -> bool {
        self.allow_loopback || is_elsewhere(address)
    }
}

/// Whether an address is another host's: not loopback, of a link, of many hosts, or one where clouds tell
/// their machines secrets. Private networks are fine: that is where hosting companies have their servers.
fn is_elsewhere(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            !(v4.is_loopback()
                || v4.is_link_local()
                || v4.is_multicast()
                || v4.is_broadcast()
                || a == 0
                || a >= 240
                || (a == 100 && b == 100))
        }
        IpAddr::V6(v6) => {
            if let Some(v4) = carried(v6) {
                return is_elsewhere(IpAddr::V4(v4));
            }
            let [first, ..] = v6.segments();
            !(v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_multicast()
                || (0xfe80..=0xfebf).contains(&first)
                || v6 == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254))
        }
    }
}

/// The IPv4 address that an IPv6 one leads to: mapped, compatible, or through NAT64 (RFC 6052).
fn carried(v6: Ipv6Addr) -> Option<std::net::Ipv4Addr> {
    let [s0, s1, s2, s3, s4, s5, s6, s7] = v6.segments();
    let is_nat64 = (s0, s1) == (0x64, 0xff9b) && [s2, s3, s4, s5] == [0; 4];
    let is_compatible = [s0, s1, s2, s3, s4, s5] == [0; 6] && s6 != 0;
    if is_nat64 || is_compatible {
        let ([a, b], [c, d]) = (s6.to_be_bytes(), s7.to_be_bytes());
        return Some(std::net::Ipv4Addr::new(a, b, c, d));
    }
    v6.to_ipv4_mapped()
}

async fn within<T>(
    server: &str,
    probe: impl Future<Output = Result<T, ProbeError>>,
) -> Result<T, ProbeError> {
    tokio::time::timeout(WHOLE, probe).await.unwrap_or_else(|_| Err(ProbeError::Timeout(server.to_owned())))
}

/// What a server said, short and on one line.
fn said(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_host_and_its_links_are_not_elsewhere() {
        for elsewhere in ["10.0.0.1", "192.168.1.1", "8.8.8.8", "2001:db8::1", "fd12::1", "64:ff9b::8.8.8.8"]
        {
            assert!(is_elsewhere(elsewhere.parse().unwrap()), "{elsewhere}");
        }
        for here in [
            "127.0.0.1",
            "127.8.8.8",
            "0.0.0.0",
            "169.254.169.254",
            "100.100.100.200",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::169.254.169.254",
            "fe80::1",
            "ff02::1",
            "fd00:ec2::254",
        ] {
            assert!(!is_elsewhere(here.parse().unwrap()), "{here}");
        }
    }
}
