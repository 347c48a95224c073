use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;

use super::connection::{self, Protocol};
use super::{Certificate, ListenError, Peer, Shutdown};
use crate::config::Listen;

/// How long a client may take for the TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// The one port of panel and REST.
pub struct Panel {
    listener: TcpListener,
    tls: TlsAcceptor,
    places: Arc<Places>,
}

impl Panel {
    /// Opens the port.
    ///
    /// # Errors
    /// The address can't be listened on, or the certificate can't be used.
    pub async fn bind(listen: &Listen, certificate: Arc<Certificate>) -> Result<Self, ListenError> {
        let listener = TcpListener::bind(listen.panel)
            .await
            .map_err(|source| ListenError::Bind { address: listen.panel.to_string(), source })?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|error| ListenError::Bind {
                address: listen.panel.to_string(),
                source: io::Error::other(error),
            })?
            .with_no_client_auth()
            .with_cert_resolver(certificate);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self {
            listener,
            tls: TlsAcceptor::from(Arc::new(config)),
            places: Arc::new(Places::new(listen.connections, listen.connections_per_address)),
        })
    }

    /// The address that was opened; with port 0, the one that the system chose.
    ///
    /// # Errors
    /// The system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until the server ends, and then finishes what is under way.
    pub async fn serve(self, router: Router, shutdown: Shutdown) {
        let graceful = GracefulShutdown::new();
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = shutdown.begun() => break,
            };
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    super::unix::rest_after(&error).await;
                    continue;
                }
            };
            let Some(place) = Places::take(&self.places, address.ip()) else {
                metrics::counter!("berth_connections_refused_total").increment(1);
                continue;
            };
            let (tls, router, watcher) = (self.tls.clone(), router.clone(), graceful.watcher());
            tokio::spawn(async move {
                converse(stream, address, tls, router, watcher).await;
                drop(place);
            });
        }
        drop(self.listener);
        graceful.shutdown().await;
    }
}

async fn converse(
    stream: TcpStream,
    address: SocketAddr,
    tls: TlsAcceptor,
    router: Router,
    watcher: Watcher,
) {
    // Answers are written in one piece, so waiting to fill a segment would only delay them.
    let _ = stream.set_nodelay(true);
    let stream = match tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            tracing::debug!(%address, %error, "TLS handshake failed");
            return;
        }
        Err(_) => {
            tracing::debug!(%address, "TLS handshake did not end in time");
            return;
        }
    };
    let protocol = match stream.get_ref().1.alpn_protocol() {
        Some(b"h2") => Protocol::Http2,
        _ => Protocol::Http1,
    };
    connection::serve(stream, protocol, Peer::Network(address), router, watcher).await;
}

/// How many connections may be open, in all and for one address.
pub(super) struct Places {
    all: Arc<Semaphore>,
    per_address: usize,
    taken: Mutex<HashMap<IpAddr, usize>>,
}

/// A connection's place; free again when dropped.
pub(super) struct Place {
    places: Arc<Places>,
    address: IpAddr,
    _one: OwnedSemaphorePermit,
}

impl Places {
    pub(super) fn new(all: usize, per_address: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(all)), per_address, taken: Mutex::default() }
    }

    pub(super) fn take(places: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let one = Arc::clone(&places.all).try_acquire_owned().ok()?;
        let mut taken = places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(address).or_default();
        if *count >= places.per_address {
            return None;
        }
        *count += 1;
        drop(taken);
        Some(Place { places: Arc::clone(places), address, _one: one })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut entry) = taken.entry(self.address) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_and_come_back() {
        let places = Arc::new(Places::new(3, 2));
        let (a, b): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let first = Places::take(&places, a).unwrap();
        let second = Places::take(&places, a).unwrap();
        assert!(Places::take(&places, a).is_none(), "two for one address");
        let third = Places::take(&places, b).unwrap();
        assert!(Places::take(&places, b).is_none(), "three in all");
        drop(first);
        let again = Places::take(&places, a);
        assert!(again.is_some());
        drop(again);
        drop((second, third));
        assert!(places.taken.lock().unwrap().is_empty(), "nobody is remembered");
    }
}
