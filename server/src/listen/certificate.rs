use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::ListenError;
use crate::config::Tls;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// The panel's certificate, taken from its files again whenever these change, so that a renewal needs no
/// restart.
#[derive(Debug)]
pub struct Certificate {
    files: Tls,
    current: RwLock<Arc<CertifiedKey>>,
}

/// What tells one content of the files from another without reading them.
type Stamp = [Option<(u64, SystemTime)>; 2];

impl Certificate {
    /// Reads the files.
    ///
    /// # Errors
    /// They are missing, not in PEM, or don't belong together.
    pub fn load(files: Tls) -> Result<Self, ListenError> {
        let key = read(&files)?;
        Ok(Self { files, current: RwLock::new(Arc::new(key)) })
    }

    /// Reads the files whenever they change. A pair that can't be used is reported and not taken, so the
    /// panel stays reachable with the one before.
    pub async fn follow(self: Arc<Self>) {
        let mut seen = self.stamp();
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let stamp = self.stamp();
            if stamp == seen {
                continue;
            }
            seen = stamp;
            match self.reload() {
                Ok(()) => tracing::info!("the panel's certificate has changed and was taken"),
                Err(error) => tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the panel's certificate has changed and can't be used; the one before stays"
                ),
            }
        }
    }

    fn reload(&self) -> Result<(), ListenError> {
        let key = Arc::new(read(&self.files)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = key;
        Ok(())
    }

    fn stamp(&self) -> Stamp {
        [&self.files.certificate, &self.files.key].map(|path| {
            let metadata = std::fs::metadata(path).ok()?;
            Some((metadata.len(), metadata.modified().ok()?))
        })
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

fn read(files: &Tls) -> Result<CertifiedKey, ListenError> {
    let fault = |path: &PathBuf, what: String| ListenError::Certificate { path: shown(path), what };
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| fault(&files.certificate, error.to_string()))?;
    if chain.is_empty() {
        return Err(fault(&files.certificate, "it holds no certificate".to_owned()));
    }
    let key =
        PrivateKeyDer::from_pem_file(&files.key).map_err(|error| fault(&files.key, error.to_string()))?;
    CertifiedKey::from_der(chain, key, &default_provider())
        .map_err(|error| fault(&files.certificate, error.to_string()))
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "files of a test need no atomic replacement")]
    fn write(files: &Tls, name: &str) {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        std::fs::write(&files.certificate, made.cert.pem()).unwrap();
        std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    }

    #[test]
    fn a_renewed_certificate_is_taken_and_a_broken_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let files = Tls { certificate: dir.path().join("c"), key: dir.path().join("k") };
        assert!(Certificate::load(files.clone()).is_err(), "there is none yet");
        write(&files, "one.example");
        let certificate = Certificate::load(files.clone()).unwrap();
        let first = certificate.current.read().unwrap().cert.clone();
        write(&files, "two.example");
        certificate.reload().unwrap();
        let second = certificate.current.read().unwrap().cert.clone();
        assert_ne!(first, second);
        std::fs::copy(&files.key, &files.certificate).unwrap();
        assert!(certificate.reload().is_err());
        assert_eq!(certificate.current.read().unwrap().cert, second);
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let files = Tls { certificate: dir.path().join("c"), key: dir.path().join("k") };
        write(&files, "one.example");
        let other = Tls { certificate: dir.path().join("c2"), key: files.key.clone() };
        write(&other, "two.example");
        assert!(matches!(Certificate::load(files), Err(ListenError::Certificate { .. })));
    }
}
