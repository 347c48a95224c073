//! Our accounts at certification authorities.

use berth_core::certificate::Thumbprint;
use chrono::{DateTime, Utc};

use crate::value::{micros, parsed};
use crate::{Result, Tx};

statements! {
    INSERT => [
        "INSERT INTO acme_accounts (directory, credentials, thumbprint, created_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (directory) DO NOTHING"
    ];
    REPLACE => ["UPDATE acme_accounts SET credentials = $3 WHERE directory = $1 AND thumbprint = $2"];
    BY_DIRECTORY => ["SELECT credentials, thumbprint FROM acme_accounts WHERE directory = $1"];
    THUMBPRINT => ["SELECT thumbprint FROM acme_accounts WHERE directory = $1"];
}

/// An account.
#[derive(Clone)]
pub struct AccountRecord {
    /// What opens it, sealed.
    pub sealed_credentials: String,
    /// The thumbprint of its key.
    pub thumbprint: Thumbprint,
}

/// Stores the account at a directory, unless there is one already: then that one stays.
pub async fn insert(tx: &mut Tx, directory: &str, account: &AccountRecord, at: DateTime<Utc>) -> Result<()> {
    execute!(
        tx,
        INSERT,
        directory,
        account.sealed_credentials.as_str(),
        account.thumbprint.as_str(),
        micros(at)
    )?;
    Ok(())
}

/// Stores other credentials of the same key: the authority knows the account by another address now.
pub async fn replace(tx: &mut Tx, directory: &str, account: &AccountRecord) -> Result<()> {
    execute!(tx, REPLACE, directory, account.thumbprint.as_str(), account.sealed_credentials.as_str())?;
    Ok(())
}

/// The account at a directory.
pub async fn by_directory(tx: &mut Tx, directory: &str) -> Result<Option<AccountRecord>> {
    fetch_optional!(tx, (String, String), BY_DIRECTORY, directory)?
        .map(|(sealed_credentials, thumbprint)| {
            Ok(AccountRecord { sealed_credentials, thumbprint: parsed("thumbprint", &thumbprint)? })
        })
        .transpose()
}

/// The thumbprint alone.
pub async fn thumbprint(tx: &mut Tx, directory: &str) -> Result<Option<Thumbprint>> {
    fetch_optional_value!(tx, String, THUMBPRINT, directory)?
        .map(|text| parsed("thumbprint", &text))
        .transpose()
}
