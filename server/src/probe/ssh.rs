use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use berth_core::website::{Remote, Scheme};
use russh::Disconnect;

use russh::client::{self, Handle, Handler};
use russh::keys::{HashAlg, PrivateKeyWithHashAlg, PublicKey, PublicKeyOrCertificate};
use russh_sftp::client::SftpSession;
use tokio::net::TcpStream;

use super::{ProbeError, said};

/// Signs in with password or key, and looks at the directory by file transfer; a shell server without file
/// transfer only has to let us in. Gives the fingerprint of the server's key.
pub(super) async fn probe(
    stream: TcpStream,
    remote: &Remote,
    server: &str,
    pinned: Option<&str>,
) -> Result<String, ProbeError> {
    let shown = Arc::new(Mutex::new(None));
    let trust = Trust { pinned: pinned.map(str::to_owned), shown: Arc::clone(&shown) };
    let config =
        client::Config { inactivity_timeout: Some(Duration::from_secs(15)), ..client::Config::default() };
    let connected = client::connect_stream(Arc::new(config), stream, trust).await;
    let fingerprint = shown.lock().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default();
    let mut session = match (connected, pinned) {
        (Ok(session), _) => session,
        (Err(_), Some(pinned)) if !fingerprint.is_empty() && fingerprint != pinned => {
            return Err(ProbeError::OtherKey {
                server: server.to_owned(),
                shown: fingerprint,
                pinned: pinned.to_owned(),
            });
        }
        (Err(error), _) => return Err(failed(server, &error)),
    };
    sign_in(&mut session, remote, server).await?;
    let looked = look(&session, remote, server).await;
    // The answer is known; whether the server hears the farewell changes nothing.
    let _ = session.disconnect(Disconnect::ByApplication, "", "en").await;
    looked.map(|()| fingerprint)
}

/// Takes the key that is pinned, or any if none is; which one it was is noted either way.
struct Trust {
    pinned: Option<String>,
    shown: Arc<Mutex<Option<String>>>,
}

impl Handler for Trust {
    type Error = russh::Error;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        let key: PublicKey = match shown {
            PublicKeyOrCertificate::PublicKey { key, .. } => key.clone(),
            PublicKeyOrCertificate::Certificate(certificate) => {
                PublicKey::from(certificate.public_key().clone())
            }
        };
        let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
        let trusted = self.pinned.as_ref().is_none_or(|pinned| *pinned == fingerprint);
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(fingerprint);
        Ok(trusted)
    }
}

async fn sign_in(session: &mut Handle<Trust>, remote: &Remote, server: &str) -> Result<(), ProbeError> {
    let (answer, what) = match remote.private_key() {
        Some(text) => {
            let key = russh::keys::decode_secret_key(text, None).map_err(|_| ProbeError::KeyUnreadable)?;
            let hash =
                session.best_supported_rsa_hash().await.map_err(|error| failed(server, &error))?.flatten();
            let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash);
            (session.authenticate_publickey(remote.user(), key).await, "key")
        }
        None => (session.authenticate_password(remote.user(), remote.secret()).await, "password"),
    };
    if answer.map_err(|error| failed(server, &error))?.success() {
        return Ok(());
    }
    Err(ProbeError::Refused { server: server.to_owned(), user: remote.user().to_owned(), what })
}

async fn look(session: &Handle<Trust>, remote: &Remote, server: &str) -> Result<(), ProbeError> {
    let channel = session.channel_open_session().await.map_err(|error| failed(server, &error))?;
    let transfer = match channel.request_subsystem(true, "sftp").await {
        Ok(()) => SftpSession::new(channel.into_stream()).await.map_err(|error| said(&error.to_string())),
        Err(error) => Err(said(&error.to_string())),
    };
    let transfer = match transfer {
        Ok(transfer) => transfer,
        // A shell needs no file transfer.
        Err(_) if remote.scheme() == Scheme::Ssh => return Ok(()),
        Err(why) => return Err(ProbeError::Failed { server: server.to_owned(), why }),
    };
    let directory = if remote.directory().is_empty() { "." } else { remote.directory() };
    let missing = || ProbeError::NoDirectory {
        server: server.to_owned(),
        directory: directory.to_owned(),
        user: remote.user().to_owned(),
    };
    let found = transfer.metadata(directory).await.map_err(|_| missing())?;
    if !found.is_dir() {
        return Err(missing());
    }
    // Nothing is written to find out: a directory that nobody may write to says so in its mode.
    if found.permissions.is_some_and(|mode| mode & 0o222 == 0) {
        return Err(ProbeError::ReadOnly {
            server: server.to_owned(),
            directory: directory.to_owned(),
            user: remote.user().to_owned(),
        });
    }
    let _ = transfer.close().await;
    Ok(())
}

fn failed(server: &str, error: &russh::Error) -> ProbeError {
    ProbeError::Failed { server: server.to_owned(), why: said(&error.to_string()) }
}
