use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use berth_core::Parse;
use berth_core::certificate::{PrivateKey, Thumbprint};
use berth_core::name::{Email, Fqdn};
use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, ChallengeType, Error, Identifier, Key, NewAccount,
    NewOrder, Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

use super::http::Transport;
use super::{Authority, AuthorityError, Fresh, Registration};

/// How the authority is asked whether it is done.
const PATIENCE: RetryPolicy = RetryPolicy::new()
    .initial_delay(Duration::from_millis(500))
    .backoff(1.5)
    .timeout(Duration::from_secs(90));

const ERROR: &str = "urn:ietf:params:acme:error:";

/// An authority on the internet.
#[derive(Debug, Clone)]
pub struct AcmeAuthority {
    /// The address of its directory.
    pub directory: String,
    /// Whom it may write to.
    pub contact: Option<Email>,
    /// Certificates to trust beside those of the system.
    pub trust: Option<PathBuf>,
}

#[async_trait]
impl Authority for AcmeAuthority {
    async fn register(&self, forgotten: Option<&[u8]>) -> Result<Registration, AuthorityError> {
        let builder = Account::builder_with_http(Box::new(self.transport()?));
        let (account, credentials) = match forgotten {
            None => {
                let contact: Vec<String> =
                    self.contact.iter().map(|email| format!("mailto:{email}")).collect();
                let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
                // Whoever names a directory in the configuration agrees to its terms.
                let wanted = NewAccount {
                    contact: &contact,
                    terms_of_service_agreed: true,
                    only_return_existing: false,
                };
                builder.create(&wanted, self.directory.clone(), None).await.map_err(refusal)?
            }
            Some(old) => {
                let old = credentials(old)?;
                let key = Key::from_pkcs8_der(old.private_key().clone_key()).map_err(refusal)?;
                let pkcs8 = PrivatePkcs8KeyDer::from(old.private_key().secret_pkcs8_der().to_vec());
                let key = (key, PrivateKeyDer::Pkcs8(pkcs8));
                builder.create_from_key(key, self.directory.clone()).await.map_err(refusal)?
            }
        };
        let bytes = serde_json::to_vec(&credentials)
            .map(Zeroizing::new)
            .map_err(|error| AuthorityError::Refused(error.to_string()))?;
        let thumbprint = Thumbprint::parse(account.key_thumbprint())
            .map_err(|problem| AuthorityError::Refused(problem.detail))?;
        Ok(Registration { credentials: bytes, thumbprint })
    }

    async fn order(&self, credentials_text: &[u8], names: &[Fqdn]) -> Result<Fresh, AuthorityError> {
        let account = Account::builder_with_http(Box::new(self.transport()?))
            .from_credentials(credentials(credentials_text)?)
            .await
            .map_err(refusal)?;
        let identifiers: Vec<Identifier> =
            names.iter().map(|name| Identifier::Dns(name.to_string())).collect();
        let mut order = account.new_order(&NewOrder::new(&identifiers)).await.map_err(refusal)?;
        prove(&mut order).await?;
        // Made only now: most orders that fail have failed by here.
        let (key, request) = request(names)?;
        order.finalize_csr(&request).await.map_err(refusal)?;
        let chain = order.poll_certificate(&PATIENCE).await.map_err(refusal)?;
        Ok(Fresh { chain, key })
    }
}

impl AcmeAuthority {
    fn transport(&self) -> Result<Transport, AuthorityError> {
        Transport::new(self.trust.as_deref())
    }
}

/// Has the authority look at every name that it does not trust us with yet. The answers to its challenges are
/// there already: the web servers can make each of them from the thumbprint alone.
async fn prove(order: &mut Order) -> Result<(), AuthorityError> {
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.map_err(refusal)?;
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let name = authorization.identifier().to_string();
        let mut challenge = authorization.challenge(ChallengeType::Http01).ok_or_else(|| {
            AuthorityError::Refused(format!("the certification authority offers no http-01 for {name}"))
        })?;
        challenge.set_ready().await.map_err(refusal)?;
    }
    match order.poll_ready(&PATIENCE).await {
        Ok(OrderStatus::Ready) => Ok(()),
        Ok(_) => Err(unconvinced(order, "it refused the order".to_owned()).await),
        Err(Error::Api(problem)) => Err(unconvinced(order, said(&problem)).await),
        Err(error) => Err(refusal(error)),
    }
}

/// Which names the authority was not convinced by, and why.
async fn unconvinced(order: &mut Order, otherwise: String) -> AuthorityError {
    let mut names = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let Ok(state) = authorization.refresh().await else { continue };
        if state.status != AuthorizationStatus::Invalid {
            continue;
        }
        let why = state.challenges.iter().find_map(|challenge| challenge.error.as_ref()).map(said);
        if let Ok(name) = Fqdn::parse(&state.identifier().to_string()) {
            names.push((name, why.unwrap_or_else(|| "it was not convinced".to_owned())));
        }
    }
    if names.is_empty() { AuthorityError::Refused(otherwise) } else { AuthorityError::Names(names) }
}

/// A new key, and the request for a certificate (PKCS #10) that is made with it.
fn request(names: &[Fqdn]) -> Result<(PrivateKey, Vec<u8>), AuthorityError> {
    let failed = |error: rcgen::Error| AuthorityError::Refused(error.to_string());
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).map_err(failed)?;
    params.distinguished_name = DistinguishedName::new();
    let request = params.serialize_request(&key).map_err(failed)?;
    Ok((PrivateKey::new(key.serialize_pem()), request.der().to_vec()))
}

fn credentials(text: &[u8]) -> Result<AccountCredentials, AuthorityError> {
    // The error of the parser may quote the text.
    serde_json::from_slice(text)
        .map_err(|_| AuthorityError::Refused("the stored credentials can't be read".to_owned()))
}

fn refusal(error: Error) -> AuthorityError {
    match error {
        Error::Api(problem) => match problem.r#type.as_deref().and_then(|kind| kind.strip_prefix(ERROR)) {
            Some("rateLimited") => AuthorityError::Limited(said(&problem)),
            Some("accountDoesNotExist") => AuthorityError::AccountUnknown,
            Some("serverInternal") => AuthorityError::Unreachable(said(&problem)),
            _ => AuthorityError::Refused(said(&problem)),
        },
        Error::Other(why) => AuthorityError::Unreachable(shown(&why.to_string())),
        Error::Json(_) => AuthorityError::Unreachable("it does not answer as an authority does".to_owned()),
        Error::Timeout(_) => AuthorityError::Unreachable("it took too long".to_owned()),
        other => AuthorityError::Refused(shown(&other.to_string())),
    }
}

/// What an authority said, with what it said of single names.
fn said(problem: &instant_acme::Problem) -> String {
    let whole = problem.detail.iter().cloned();
    let parts = problem.subproblems.iter().filter_map(|part| part.detail.clone());
    let all: Vec<String> = whole.chain(parts).collect();
    if all.is_empty() {
        return problem.r#type.as_deref().map_or_else(|| "it gave no reason".to_owned(), shown);
    }
    shown(&all.join("; "))
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(500).collect()
}
