use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::Router;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{UnixListener, UnixStream};

use super::connection::{self, Protocol};
use super::{ListenError, Peer, Shutdown};

/// Whom a socket lets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Everybody on the host; what they may do is decided by their user id, request by request.
    Everybody,
    /// Root and the user that the server runs as.
    RootAndSelf,
}

impl Admission {
    const fn mode(self) -> u32 {
        match self {
            Self::Everybody => 0o666,
            Self::RootAndSelf => 0o600,
        }
    }

    fn admits(self, uid: u32) -> bool {
        match self {
            Self::Everybody => true,
            Self::RootAndSelf => uid == 0 || uid == rustix::process::geteuid().as_raw(),
        }
    }
}

/// A socket for processes of this host.
pub struct UnixSocket {
    listener: UnixListener,
    path: PathBuf,
    admission: Admission,
}

impl UnixSocket {
    /// Opens the socket, in place of one that a server before has left.
    ///
    /// It is made under another name, given its mode, and only then put in place, so that at no moment a
    /// socket with other rights is there.
    ///
    /// # Errors
    /// Another server answers there, something else is in the way, or the directory can't be written.
    pub fn bind(path: &Path, admission: Admission) -> Result<Self, ListenError> {
        let fault = |source| ListenError::Bind { address: path.display().to_string(), source };
        make_way(path)?;
        let mut name = path.as_os_str().to_owned();
        name.push(".new");
        let new = PathBuf::from(name);
        match std::fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fault(error)),
            _ => {}
        }
        let listener = UnixListener::bind(&new).map_err(fault)?;
        std::fs::set_permissions(&new, Permissions::from_mode(admission.mode())).map_err(fault)?;
        std::fs::rename(&new, path).map_err(fault)?;
        Ok(Self { listener, path: path.to_owned(), admission })
    }

    /// Serves until the server ends, and then finishes what is under way.
    pub async fn serve(self, router: Router, shutdown: Shutdown) {
        let graceful = GracefulShutdown::new();
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = shutdown.begun() => break,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    rest_after(&error).await;
                    continue;
                }
            };
            let Some(uid) = self.caller(&stream) else { continue };
            let (router, watcher) = (router.clone(), graceful.watcher());
            tokio::spawn(connection::serve(stream, Protocol::Http1, Peer::Local { uid }, router, watcher));
        }
        drop(self.listener);
        graceful.shutdown().await;
    }

    /// The user at the other end, if they may speak here at all.
    fn caller(&self, stream: &UnixStream) -> Option<u32> {
        let path = self.path.display();
        match stream.peer_cred() {
            Ok(credentials) if self.admission.admits(credentials.uid()) => Some(credentials.uid()),
            Ok(credentials) => {
                tracing::warn!(%path, uid = credentials.uid(), "a connection was refused");
                None
            }
            Err(error) => {
                tracing::warn!(%path, %error, "a connection without credentials was refused");
                None
            }
        }
    }
}

/// Makes sure that nothing is at the path that must not be replaced.
fn make_way(path: &Path) -> Result<(), ListenError> {
    let shown = || path.display().to_string();
    let metadata = match std::fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(ListenError::Bind { address: shown(), source }),
    };
    if !metadata.file_type().is_socket() {
        return Err(ListenError::NotASocket { path: shown() });
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => Err(ListenError::Occupied { path: shown() }),
        Err(_) => Ok(()),
    }
}

/// Waits a little after a failed accept: when descriptors have run out, trying again at once would only burn
/// the processor.
pub(super) async fn rest_after(error: &io::Error) {
    tracing::warn!(%error, "a connection could not be accepted");
    tokio::time::sleep(Duration::from_millis(100)).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_left_behind_is_replaced_and_a_living_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("operator.sock");
        let first = UnixSocket::bind(&path, Admission::Everybody).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o666);
        assert!(matches!(UnixSocket::bind(&path, Admission::RootAndSelf), Err(ListenError::Occupied { .. })));
        drop(first);
        let _second = UnixSocket::bind(&path, Admission::RootAndSelf).unwrap();
        assert_eq!(mode(&path), 0o600);
    }

    #[tokio::test]
    async fn what_is_not_a_socket_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("operator.sock");
        std::fs::File::create(&path).unwrap();
        assert!(matches!(UnixSocket::bind(&path, Admission::Everybody), Err(ListenError::NotASocket { .. })));
        assert!(path.is_file());
        let link = dir.path().join("link.sock");
        std::os::unix::fs::symlink("/nowhere", &link).unwrap();
        assert!(matches!(UnixSocket::bind(&link, Admission::Everybody), Err(ListenError::NotASocket { .. })));
    }

    #[test]
    fn the_agents_socket_is_for_root_and_ourselves() {
        let own = rustix::process::geteuid().as_raw();
        assert!(Admission::RootAndSelf.admits(0) && Admission::RootAndSelf.admits(own));
        assert!(!Admission::RootAndSelf.admits(own.max(1) + 1));
        assert!(Admission::Everybody.admits(65_534));
    }
}
