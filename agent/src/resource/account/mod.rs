//! Unix accounts: entries of `/etc/group`, `gshadow`, `shadow` and `passwd`, written by one batch edit for all
//! accounts of a pass.

mod differences;
mod edit;
mod removal;
mod table;
mod web_users;

use std::collections::BTreeMap;

use berth_core::id::AccountId;
use berth_core::layout;
use berth_core::spec::AccountSpec;

use super::{Context, Converged, Failure};
use crate::host::{AccountLock, Host, HostError};

pub use edit::{Edited, Files};
pub use removal::{found, remove};
pub use table::{field, lines, members};

/// The files, in the order in which they are written: an account never shows up before its group and its
/// locked password.
const PATHS: [&str; 4] = ["/etc/group", "/etc/gshadow", "/etc/shadow", "/etc/passwd"];

/// Brings the entries of all given accounts about. With nothing to change no lock is taken and nothing is
/// written. What is changed of the accounts in `watched` is noted.
pub fn converge(
    context: &Context<'_>,
    extra_groups: &[String],
    specs: &[&AccountSpec],
    watched: &[&AccountSpec],
) -> BTreeMap<AccountId, Converged> {
    match commit(context, extra_groups, specs, watched) {
        Ok(results) => results,
        Err(error) => {
            let failure = Failure::from(error);
            specs.iter().map(|spec| (spec.account, Err(failure.clone()))).collect()
        }
    }
}

fn commit(
    context: &Context<'_>,
    extra_groups: &[String],
    specs: &[&AccountSpec],
    watched: &[&AccountSpec],
) -> Result<BTreeMap<AccountId, Converged>, HostError> {
    let day = context.now.timestamp().div_euclid(86_400);
    let mut found = read(context.host)?;
    let mut wanted = found.edited(specs, extra_groups, day);
    wanted.files = web_users::edited(wanted.files, specs, day);
    if wanted.files != found {
        let lock = context.host.lock_account_files()?;
        // Somebody may have changed them before we had the lock.
        found = read(context.host)?;
        wanted = found.edited(specs, extra_groups, day);
        wanted.files = web_users::edited(wanted.files, specs, day);
        write(context.host, &lock, &found, &wanted.files)?;
        drop(lock);
        differences::note(context, watched, &found, &wanted.files);
        found = read(context.host)?;
    }
    let mut results = found.observed(specs);
    for (account, problem) in wanted.refused {
        results.insert(account, Err(Failure::Failed(problem)));
    }
    Ok(results)
}

/// Takes the entries of all web users of an account away that is purged.
///
/// # Errors
/// A file can't be read or written.
pub fn remove_web_users(context: &Context<'_>, spec: &AccountSpec) -> Result<(), HostError> {
    let day = context.now.timestamp().div_euclid(86_400);
    let found = read(context.host)?;
    if web_users::edited(found.clone(), &[spec], day) == found {
        return Ok(());
    }
    let lock = context.host.lock_account_files()?;
    let found = read(context.host)?;
    let wanted = web_users::edited(found.clone(), &[spec], day);
    write(context.host, &lock, &found, &wanted)
}

fn read(host: &dyn Host) -> Result<Files, HostError> {
    let [group, gshadow, shadow, passwd] = PATHS.map(|path| host.read(path));
    Ok(Files { group: group?, gshadow: gshadow?, shadow: shadow?, passwd: passwd? })
}

fn write(host: &dyn Host, lock: &AccountLock, found: &Files, wanted: &Files) -> Result<(), HostError> {
    let pairs = [
        (&found.group, &wanted.group),
        (&found.gshadow, &wanted.gshadow),
        (&found.shadow, &wanted.shadow),
        (&found.passwd, &wanted.passwd),
    ];
    for (path, (before, after)) in PATHS.into_iter().zip(pairs) {
        if let Some(bytes) = after
            && before != after
        {
            host.replace_account_file(lock, path, bytes)?;
        }
    }
    Ok(())
}

/// Groups that every account joins.
fn groups(extra: &[String]) -> impl Iterator<Item = &str> + Clone {
    let allowed = extra.iter().map(String::as_str).filter(|group| *group != layout::WEB_USER);
    std::iter::once(layout::SFTP_GROUP).chain(allowed)
}

#[cfg(test)]
mod tests;
