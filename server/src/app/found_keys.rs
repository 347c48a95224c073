//! Authorized keys as a node found and made them: the one thing that can be taken over from a host.

use std::collections::BTreeMap;

use berth_core::condition::Resource;
use berth_core::drift::{DriftReport, SHOWN_MAX};
use berth_core::id::SshKeyId;
use berth_core::ssh_key::SshPublicKey;
use berth_core::{Code, Parse, Problem, layout};
use berth_store::accounts::AccountRecord;
use berth_store::drift::DriftRecord;
use berth_store::ssh_keys::{self, SshKeyRecord};
use berth_store::{Tx, accounts};

use super::context::Ctx;
use super::problem::Failure;

/// Whether drift is about a file of authorized keys that was there and is shown whole.
pub(super) fn is_adoptable(record: &DriftRecord) -> bool {
    let DriftReport { resource, object, found, .. } = &record.report;
    let of_keys = record.username.as_ref().is_some_and(|username| *object == layout::keys_file(username));
    *resource == Some(Resource::Sftp) && of_keys && found.as_deref().and_then(file_text).is_some()
}

/// The content of a file as the agent shows it, after the line with owner and mode; `None` if it was cut.
fn file_text(shown: &str) -> Option<&str> {
    let (head, text) = shown.split_once('\n')?;
    (head.starts_with("file ") && shown.len() <= SHOWN_MAX && !text.ends_with('…')).then_some(text)
}

/// The keys of a shown file, by fingerprint.
///
/// # Errors
/// `drift_not_adoptable`, which names the line that is no key that Berth accepts.
fn keys(shown: Option<&str>) -> Result<BTreeMap<String, SshPublicKey>, Problem> {
    let Some(text) = shown.and_then(file_text) else {
        return Err(Problem::new(Code::DriftNotAdoptable, "the keys that were found are not known in full"));
    };
    let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let key = SshPublicKey::parse(line).map_err(|problem| {
                Problem::new(
                    Code::DriftNotAdoptable,
                    format!("a line of the file can't be kept: {}", problem.detail),
                )
                .hint("add the keys that shall stay with `berth ssh-key add`")
            })?;
            Ok((key.fingerprint().to_owned(), key))
        })
        .collect()
}

/// What an account's keys become: those to add and those to take away.
pub(super) struct Exchange {
    /// Keys that the account does not have yet.
    pub(super) add: Vec<SshPublicKey>,
    /// Keys that it has no longer.
    pub(super) remove: Vec<SshKeyRecord>,
}

impl Exchange {
    /// From what an account has to the keys of a shown file.
    pub(super) async fn to(
        tx: &mut Tx,
        account: &AccountRecord,
        shown: Option<&str>,
    ) -> Result<Self, Failure> {
        let mut wanted = keys(shown)?;
        let mut remove = Vec::new();
        for had in ssh_keys::of_account(tx, account.id).await? {
            if wanted.remove(had.key.fingerprint()).is_none() {
                remove.push(had);
            }
        }
        Ok(Self { add: wanted.into_values().collect(), remove })
    }

    /// Makes it so, with a new generation if anything changes.
    pub(super) async fn make(&self, ctx: &Ctx, tx: &mut Tx, account: &AccountRecord) -> Result<(), Failure> {
        let now = ctx.app.clock.now();
        for key in &self.add {
            let id = SshKeyId::new(now, ctx.app.randomness.ten());
            let record = SshKeyRecord { id, account: account.id, key: key.clone(), created_at: now };
            ssh_keys::insert(tx, &record).await?;
        }
        for key in &self.remove {
            ssh_keys::remove(tx, account.id, key.id).await?;
        }
        if !self.add.is_empty() || !self.remove.is_empty() {
            accounts::stamp(tx, account.id).await?;
        }
        Ok(())
    }

    /// The fingerprints, for plans and for the audit log.
    pub(super) fn fingerprints(&self) -> (Vec<&str>, Vec<&str>) {
        let added = self.add.iter().map(SshPublicKey::fingerprint).collect();
        (added, self.remove.iter().map(|key| key.key.fingerprint()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti one";

    #[test]
    fn a_shown_file_is_read_or_refused() {
        let shown =
            format!("file 0:1900000001 0640\n# Keys of alice, kept by Berth; edits are undone.\n{KEY}\n\n");
        assert_eq!(keys(Some(&shown)).unwrap().len(), 1);
        assert!(keys(Some("file 0:1900000001 0640\n")).unwrap().is_empty());
        let odd = format!("{shown}command=\"/bin/sh\" {KEY}\n");
        for refused in [None, Some("link to /etc/passwd"), Some(&*odd), Some("file 0:0 0640\nabc…")] {
            assert_eq!(keys(refused).unwrap_err().code, Code::DriftNotAdoptable, "{refused:?}");
        }
    }
}
