use std::sync::Arc;

use berth_core::website::{Remote, Scheme};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring::default_provider;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use suppaftp::FtpError;
use suppaftp::tokio::{AsyncRustlsConnector, AsyncRustlsFtpStream};
use tokio::net::TcpStream;

use super::{ProbeError, said};

/// Signs in, over TLS where the address says so, and changes to the directory.
pub(super) async fn probe(stream: TcpStream, remote: &Remote, server: &str) -> Result<(), ProbeError> {
    let failed =
        |error: &FtpError| ProbeError::Failed { server: server.to_owned(), why: said(&error.to_string()) };
    let mut session =
        AsyncRustlsFtpStream::connect_with_stream(stream).await.map_err(|error| failed(&error))?;
    if remote.scheme() == Scheme::Ftps {
        let connector = AsyncRustlsConnector::from(suppaftp_connector());
        session = session.into_secure(connector, remote.host()).await.map_err(|error| failed(&error))?;
    }
    session.login(remote.user(), remote.secret()).await.map_err(|error| match error {
        FtpError::UnexpectedResponse(_) => ProbeError::Refused {
            server: server.to_owned(),
            user: remote.user().to_owned(),
            what: "password",
        },
        other => failed(&other),
    })?;
    if !remote.directory().is_empty() {
        session.cwd(remote.directory()).await.map_err(|error| match error {
            FtpError::UnexpectedResponse(_) => ProbeError::NoDirectory {
                server: server.to_owned(),
                directory: remote.directory().to_owned(),
                user: remote.user().to_owned(),
            },
            other => failed(&other),
        })?;
    }
    let _ = session.quit().await;
    Ok(())
}

/// FTP servers of hosting companies mostly have certificates of their own making, and clients of this kind
/// have always taken them: the encryption keeps the password from those who listen, as the address asks.
fn suppaftp_connector() -> tokio_rustls::TlsConnector {
    let provider = Arc::new(default_provider());
    let verifier = Arc::new(AnyCertificate(Arc::clone(&provider)));
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map(|builder| builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth());
    match config {
        Ok(config) => tokio_rustls::TlsConnector::from(Arc::new(config)),
        // The provider has both versions; without one every handshake would fail anyway.
        Err(_) => tokio_rustls::TlsConnector::from(Arc::new(
            ClientConfig::builder()
                .with_root_certificates(rustls::RootCertStore::empty())
                .with_no_client_auth(),
        )),
    }
}

#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
