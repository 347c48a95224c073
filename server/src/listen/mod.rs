//! Where requests come in: the panel over TLS, and two Unix sockets for this host.

mod certificate;
mod connection;
mod idle;
mod panel;
mod plain;
mod shutdown;
mod unix;

use std::net::SocketAddr;

pub use certificate::Certificate;
pub use panel::Panel;
pub use plain::Plain;
pub use shutdown::Shutdown;
pub use unix::{Admission, UnixSocket};

/// Who is at the other end of a connection, as far as the kernel knows. Travels with every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// Somebody on the network.
    Network(SocketAddr),
    /// A process of this host, by the user id in its peer credentials.
    Local {
        /// The Unix user id.
        uid: u32,
    },
}

impl std::fmt::Display for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Network(address) => address.ip().to_canonical().fmt(f),
            Self::Local { uid } => write!(f, "host user {uid}"),
        }
    }
}

/// Why a listener can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address is taken or not ours.
    #[error("can't listen on {address}")]
    Bind {
        /// Where.
        address: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Another server answers on the socket.
    #[error("another server is already listening on {path}")]
    Occupied {
        /// Where.
        path: String,
    },
    /// Something that is not a socket is in the way.
    #[error("{path} exists and is not a socket; it was left alone")]
    NotASocket {
        /// Where.
        path: String,
    },
    /// The certificate or its key can't be used.
    #[error("can't use the panel's certificate {path}: {what} (`berth setup` makes one)")]
    Certificate {
        /// The file at fault.
        path: String,
        /// What is wrong with it.
        what: String,
    },
}
