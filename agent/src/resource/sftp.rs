//! File transfer: authorized keys outside the home, and one jail in the SSH server for everybody.

use std::time::Duration;

use berth_core::condition::Resource;
use berth_core::layout;
use berth_core::spec::AccountSpec;
use berth_core::{Code, Problem};
use sha2::{Digest, Sha256};

use super::{
    AccountResource, Accounts, Context, Converged, Failure, Observed, SharedOutcome, SharedResource,
};
use crate::host::{Attributes, Owner, Program};
use crate::ledger::Marks;

/// The SSH server's drop-in.
const DROP_IN: &str = "/etc/ssh/sshd_config.d/50-berth.conf";

/// The SSH server's unit.
const UNIT: &str = "ssh.service";

/// What sessions of the SSH server are called by the login manager.
const SERVICE: &str = "sshd";

/// The note that holds the keys for which no session has to be ended any more.
const MARK: &str = "sftp";

/// The note of the moment, in milliseconds since 1970, when sessions were ended.
const ENDED: &str = "sftp_ended";

/// A login that had its key checked right before the key was taken away has a session after this time.
const LATE: Duration = Duration::from_secs(5);

/// The note that holds the fingerprint of the drop-in that the SSH server was last reloaded for.
const RELOADED: &str = "sshd";

/// Authorized keys of an account.
pub struct Keys;

impl AccountResource for Keys {
    fn resource(&self) -> Resource {
        Resource::Sftp
    }

    fn converge(&self, context: &Context<'_>, spec: &AccountSpec, marks: &mut Marks) -> Converged {
        let host = context.host;
        let path = layout::keys_file(&spec.username);
        let wanted = keys_text(spec);
        let attributes = Attributes::plain(Owner::root_with(spec.uid.get()), 0o640);
        let found = host.read(&path)?;
        let former = marks.get(MARK).map(str::to_owned);
        let before = former.clone().or_else(|| Some(String::from_utf8_lossy(found.as_deref()?).into_owned()));
        let same = match (&wanted, host.entry(&path)?) {
            (None, None) => true,
            (Some(text), Some(entry)) => {
                entry.attributes == attributes && found.as_deref() == Some(text.as_bytes())
            }
            _ => false,
        };
        if !same {
            if let Some(text) = &wanted {
                host.replace_file(&path, text.as_bytes(), attributes.owner, attributes.mode)?;
            } else {
                host.remove_file(&path)?;
            }
        }
        let wanted = wanted.unwrap_or_default();
        if before.is_some_and(|before| keys(&before).any(|key| !keys(&wanted).any(|left| left == key))) {
            host.systemd().end_sessions(spec.uid.get(), SERVICE)?;
            marks.set(ENDED, context.now.timestamp_millis().to_string());
        }
        let again = end_late_sessions(context, spec, marks)?;
        if former.as_deref() != Some(&wanted) {
            marks.set(MARK, &wanted);
        }
        // Checked last, so that taking keys away never waits for anything. Without the jail nobody gets in by
        // the others, since nothing else points the SSH server at them.
        if spec.sftp.enabled && context.node_mark(RELOADED) != Some(fingerprint(&drop_in())) {
            let detail = "the SSH server does not have Berth's settings yet; the node's problems say why";
            return Err(Failure::new(Code::SshServerFailed, detail));
        }
        let found = host.read(&path)?.unwrap_or_default();
        Ok(Observed::new()
            .with("enabled", spec.sftp.enabled)
            .with("keys", keys(&String::from_utf8_lossy(&found)).count())
            .with("jail", layout::home(&spec.username))
            .look_again(again))
    }
}

/// Ends the sessions of logins that were under way when sessions were ended before. Until it is time for that,
/// says how long it still takes.
fn end_late_sessions(
    context: &Context<'_>,
    spec: &AccountSpec,
    marks: &mut Marks,
) -> Result<Option<Duration>, Failure> {
    let Some(ended) = marks.get(ENDED) else { return Ok(None) };
    // A note that can't be read, or that is from the future because the clock was set, counts as old.
    let passed = ended.parse().ok().map(|ended: i64| context.now.timestamp_millis() - ended);
    let left = passed.and_then(|passed| LATE.checked_sub(Duration::from_millis(passed.try_into().ok()?)));
    if let Some(left) = left.filter(|left| !left.is_zero()) {
        return Ok(Some(left));
    }
    context.host.systemd().end_sessions(spec.uid.get(), SERVICE)?;
    marks.clear(ENDED);
    Ok(None)
}

/// The lines of a keys file that are keys.
fn keys(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// What the keys file holds; nothing if nobody shall get in.
fn keys_text(spec: &AccountSpec) -> Option<String> {
    if !spec.sftp.enabled || spec.sftp.keys.is_empty() {
        return None;
    }
    let mut text = format!("# Keys of {}, kept by Berth; edits are undone.\n", spec.username);
    for key in &spec.sftp.keys {
        text.push_str(key.authorized_line());
        text.push('\n');
    }
    Some(text)
}

/// The SSH server's drop-in: everybody in the group is jailed in their home and can only transfer files.
pub struct SshServer;

impl SharedResource for SshServer {
    fn name(&self) -> &'static str {
        "ssh server"
    }

    fn is_first(&self) -> bool {
        true
    }

    fn commit(&self, context: &Context<'_>, _accounts: &Accounts<'_>) -> SharedOutcome {
        let node = commit(context).err().into_iter().map(|failure| failure.problem().clone()).collect();
        SharedOutcome { node, ..SharedOutcome::default() }
    }
}

fn commit(context: &Context<'_>) -> Result<(), Failure> {
    let host = context.host;
    let wanted = drop_in();
    let found = host.read(DROP_IN)?;
    if found.as_deref() != Some(wanted.as_bytes()) {
        host.replace_file(DROP_IN, wanted.as_bytes(), Owner::ROOT, 0o644)?;
        if let Err(failure) = validate(context) {
            match found {
                Some(former) => host.replace_file(DROP_IN, &former, Owner::ROOT, 0o644)?,
                None => host.remove_file(DROP_IN).map(drop)?,
            }
            return Err(failure);
        }
    } else if context.node_mark(RELOADED).as_ref() == Some(&fingerprint(&wanted)) {
        return Ok(());
    } else {
        // A crash came between writing and reloading.
        validate(context)?;
    }
    if host.systemd().unit_state(UNIT)?.as_deref() == Some("active") {
        host.systemd().reload_unit(UNIT)?;
    }
    context.set_node_mark(RELOADED, fingerprint(&wanted));
    Ok(())
}

fn validate(context: &Context<'_>) -> Result<(), Failure> {
    let answer = context.host.run(Program::SshdTest)?;
    if answer.success {
        return Ok(());
    }
    Err(Problem::new(Code::SshServerFailed, format!("sshd refuses its configuration: {}", answer.said))
        .hint("mend the SSH server's configuration; `sshd -t` shows what it stumbles over")
        .into())
}

fn fingerprint(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

fn drop_in() -> String {
    format!(
        "# File transfer of hosting accounts. Kept by Berth's resource `sftp`; edits are undone.\n\
         Match Group {group}\n\
         \x20   ChrootDirectory {home}/%u\n\
         \x20   ForceCommand internal-sftp -d /\n\
         \x20   AuthorizedKeysFile {keys}/%u\n\
         \x20   AuthorizedKeysCommand none\n\
         \x20   AuthenticationMethods publickey\n\
         \x20   PubkeyAuthentication yes\n\
         \x20   PasswordAuthentication no\n\
         \x20   KbdInteractiveAuthentication no\n\
         \x20   PermitEmptyPasswords no\n\
         \x20   PermitTTY no\n\
         \x20   PermitUserRC no\n\
         \x20   PermitTunnel no\n\
         \x20   DisableForwarding yes\n\
         \x20   AllowTcpForwarding no\n\
         \x20   AllowStreamLocalForwarding no\n\
         \x20   AllowAgentForwarding no\n\
         \x20   X11Forwarding no\n\
         Match Group {web_users}\n\
         \x20   ChrootDirectory %h\n\
         \x20   ForceCommand internal-sftp -d /public_html\n\
         \x20   AuthorizedKeysFile none\n\
         \x20   AuthorizedKeysCommand none\n\
         \x20   AuthenticationMethods password\n\
         \x20   PubkeyAuthentication no\n\
         \x20   PasswordAuthentication yes\n\
         \x20   KbdInteractiveAuthentication no\n\
         \x20   PermitEmptyPasswords no\n\
         \x20   MaxAuthTries 3\n\
         \x20   PermitTTY no\n\
         \x20   PermitUserRC no\n\
         \x20   PermitTunnel no\n\
         \x20   DisableForwarding yes\n\
         \x20   AllowTcpForwarding no\n\
         \x20   AllowStreamLocalForwarding no\n\
         \x20   AllowAgentForwarding no\n\
         \x20   X11Forwarding no\n\
         Match all\n",
        web_users = layout::WEB_USER_GROUP,
        group = layout::SFTP_GROUP,
        home = layout::HOME_ROOT,
        keys = layout::KEYS_DIR,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_jail() {
        insta::assert_snapshot!(drop_in());
    }

    #[test]
    fn the_keys_file() {
        let mut spec = crate::reconcile::testing::spec("alice", 1, 1);
        spec.sftp.keys = vec![crate::reconcile::testing::key(1), crate::reconcile::testing::key(2)];
        insta::assert_snapshot!(keys_text(&spec).unwrap());
        spec.sftp.enabled = false;
        assert_eq!(keys_text(&spec), None);
    }
}
