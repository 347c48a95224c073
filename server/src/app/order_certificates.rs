use std::sync::Arc;

use berth_store::{StoreError, certificates};
use chrono::TimeDelta;
use futures_util::future::join_all;

use super::acme_account::{self, AccountFailure};
use super::certificate_order::Attempt;
use super::context::App;
use super::problem::Failure;
use crate::acme::AuthorityError;

/// Domains that are worked on side by side.
const AT_ONCE: u32 = 4;
/// For how long nobody else works on them; longer than any order takes.
const LEASE: TimeDelta = TimeDelta::minutes(15);

/// Orders certificates for the domains whose turn it is, and renews those that near their end; how many domains
/// were worked on, or none if asking for more at once is no use.
///
/// # Errors
/// The database does not answer; what an attempt comes to is noted with its domain.
pub async fn order_certificates(app: &Arc<App>) -> Result<usize, StoreError> {
    let (Some(authority), Some(directory)) = (app.authority.clone(), &app.settings.acme.directory) else {
        return Ok(0);
    };
    let now = app.clock.now();
    if !certificates::is_due(&mut app.store.read().await?, now).await? {
        return Ok(0);
    }
    let account = match acme_account::known(app, directory).await {
        Ok(Some(account)) => Ok(account),
        Ok(None) => match acme_account::open(app, authority.as_ref(), directory).await {
            // The nodes have to hear of its key before anything is ordered.
            Ok(()) => return Ok(0),
            Err(failure) => Err(of_authority(failure)?),
        },
        Err(failure) => Err(of_authority(failure)?),
    };
    let mut tx = app.store.begin().await?;
    let due = certificates::claim(&mut tx, now, now + LEASE, AT_ONCE).await?;
    tx.commit().await?;
    let attempt = Attempt { app, authority: authority.as_ref(), directory, account: account.as_ref() };
    let mut silent = false;
    let made = join_all(due.iter().map(|domain| attempt.make(*domain))).await;
    for (domain, made) in due.iter().zip(made) {
        match made {
            Ok(is_silent) => silent |= is_silent,
            Err(failure) => {
                let problems = failure.into_problems();
                tracing::warn!(%domain, %problems, "a certificate could not be worked on; it is tried again");
            }
        }
    }
    Ok(if silent { 0 } else { due.len() })
}

fn of_authority(failure: AccountFailure) -> Result<AuthorityError, StoreError> {
    match failure {
        AccountFailure::Authority(error) => Ok(error),
        AccountFailure::Own(Failure::Store(error)) => Err(error),
        AccountFailure::Own(Failure::Problems(problems)) => Ok(AuthorityError::Refused(problems.to_string())),
    }
}
