use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;

use super::connection::{self, Protocol};
use super::panel::Places;
use super::{ListenError, Peer, Shutdown};
use crate::config::Listen;

/// A port without TLS, for dialects in a network that is trusted.
pub struct Plain {
    listener: TcpListener,
    address: SocketAddr,
    places: Arc<Places>,
}

impl Plain {
    /// Opens the port, with the bounds of the panel's.
    ///
    /// # Errors
    /// The address can't be listened on.
    pub async fn bind(address: SocketAddr, listen: &Listen) -> Result<Self, ListenError> {
        let failed = |source| ListenError::Bind { address: address.to_string(), source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let places = Arc::new(Places::new(listen.connections, listen.connections_per_address));
        Ok(Self { listener, address, places })
    }

    /// The address that was opened.
    pub const fn address(&self) -> SocketAddr {
        self.address
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
            let (router, watcher) = (router.clone(), graceful.watcher());
            tokio::spawn(async move {
                let _ = stream.set_nodelay(true);
                connection::serve(stream, Protocol::Http1, Peer::Network(address), router, watcher).await;
                drop(place);
            });
        }
        drop(self.listener);
        graceful.shutdown().await;
    }
}
