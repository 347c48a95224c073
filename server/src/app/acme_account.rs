//! Our account at the certification authority: one for all servers that share the database.

use berth_store::certificates::accounts::{self, AccountRecord};
use zeroize::Zeroizing;

use super::context::App;
use super::problem::Failure;
use crate::acme::{Authority, AuthorityError, Registration};

/// Why there is no account to order with.
#[derive(Debug)]
pub(super) enum AccountFailure {
    /// The authority's doing.
    Authority(AuthorityError),
    /// Ours.
    Own(Failure),
}

impl From<AuthorityError> for AccountFailure {
    fn from(error: AuthorityError) -> Self {
        Self::Authority(error)
    }
}

impl<T: Into<Failure>> From<T> for AccountFailure {
    fn from(failure: T) -> Self {
        Self::Own(failure.into())
    }
}

/// The account, if there is one.
pub(super) async fn known(app: &App, directory: &str) -> Result<Option<AccountRecord>, AccountFailure> {
    Ok(accounts::by_directory(&mut app.store.read().await?, directory).await?)
}

/// Opens an account. Another server may have been faster; then that one's counts.
pub(super) async fn open(
    app: &App,
    authority: &dyn Authority,
    directory: &str,
) -> Result<(), AccountFailure> {
    let record = sealed(app, directory, &authority.register(None).await?)?;
    let mut tx = app.store.begin().await?;
    accounts::insert(&mut tx, directory, &record, app.clock.now()).await?;
    tx.commit().await?;
    // The nodes can answer its challenges as soon as they know the thumbprint of its key.
    app.notifier.signal();
    tracing::info!(directory, "opened an account at the certification authority");
    Ok(())
}

/// Opens the account anew with the key that it had, for an authority that has forgotten it.
pub(super) async fn reopen(
    app: &App,
    authority: &dyn Authority,
    directory: &str,
    credentials: &[u8],
) -> Result<Zeroizing<Vec<u8>>, AccountFailure> {
    let registration = authority.register(Some(credentials)).await?;
    let record = sealed(app, directory, &registration)?;
    let mut tx = app.store.begin().await?;
    accounts::replace(&mut tx, directory, &record).await?;
    tx.commit().await?;
    tracing::warn!(directory, "the certification authority had forgotten our account; it was opened anew");
    Ok(registration.credentials)
}

/// What opens the account, in clear.
pub(super) fn credentials(
    app: &App,
    directory: &str,
    account: &AccountRecord,
) -> Result<Zeroizing<Vec<u8>>, AuthorityError> {
    app.keyring
        .open(&account.sealed_credentials, &place(directory))
        .map_err(|_| AuthorityError::Refused("the key of our account can't be opened".to_owned()))
}

fn sealed(app: &App, directory: &str, opened: &Registration) -> Result<AccountRecord, AuthorityError> {
    let sealed = app.keyring.seal(&opened.credentials, &place(directory), app.randomness.as_ref());
    Ok(AccountRecord {
        sealed_credentials: sealed
            .map_err(|_| AuthorityError::Refused("the key of our account can't be sealed".to_owned()))?,
        thumbprint: opened.thumbprint.clone(),
    })
}

fn place(directory: &str) -> String {
    format!("acme_accounts/{directory}/credentials")
}
