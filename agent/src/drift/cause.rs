//! A guess at who has changed something, from what the host shows.

use berth_core::drift::Cause;
use chrono::{DateTime, TimeDelta, Utc};

use crate::host::Host;

/// What the package manager writes to whenever it does something.
const DPKG_LOG: &str = "/var/log/dpkg.log";
/// What a shell of root's writes when it ends.
const ROOT_HISTORY: &str = "/root/.bash_history";
/// What the login manager knows of open sessions, one file each.
const SESSIONS: &str = "/run/systemd/sessions";

/// How far back a guess looks where nobody knows since when a thing has been wrong.
const LOOK_BACK: TimeDelta = TimeDelta::minutes(10);

/// Who has probably been at work since a moment, and why one may think so. What can't be looked at says
/// nothing.
pub(super) fn guess(host: &dyn Host, since: Option<DateTime<Utc>>, now: DateTime<Utc>) -> (Cause, String) {
    let since = since.unwrap_or(now - LOOK_BACK);
    let written = |path: &str| {
        let entry = host.entry(path).ok().flatten()?;
        let at = DateTime::from_timestamp(entry.modified, 0)?;
        (at >= since - TimeDelta::seconds(1)).then_some(at)
    };
    if let Some(at) = written(DPKG_LOG) {
        let last = last_package(host).map(|package| format!(", lately for {package}")).unwrap_or_default();
        return (Cause::PackageUpgrade, format!("the package manager ran until {}{last}", time(at)));
    }
    if let Some(session) = root_session(host) {
        return (Cause::RootShell, format!("root has the open session {session}"));
    }
    if let Some(at) = written(ROOT_HISTORY) {
        return (Cause::RootShell, format!("a shell of root's ended at {}", time(at)));
    }
    let nobody = "neither the package manager nor a session of root's has left a trace since";
    (Cause::Unknown, format!("{nobody} {}", time(since)))
}

fn time(at: DateTime<Utc>) -> String {
    at.format("%F %T UTC").to_string()
}

/// The package of the last `status` line: `2026-11-23 10:00:00 status installed nginx:amd64 1.26.3-3`.
fn last_package(host: &dyn Host) -> Option<String> {
    let log = host.read(DPKG_LOG).ok().flatten()?;
    let log = String::from_utf8_lossy(&log);
    let line = log.lines().rev().find(|line| line.contains(" status installed "))?;
    line.split_whitespace().nth(4).map(str::to_owned)
}

fn root_session(host: &dyn Host) -> Option<String> {
    let sessions = host.list(SESSIONS).ok()?;
    sessions.into_iter().find(|name| {
        let file = host.read(&format!("{SESSIONS}/{name}")).ok().flatten().unwrap_or_default();
        let text = String::from_utf8_lossy(&file);
        let has = |wanted: &str| text.lines().any(|line| line == wanted);
        has("UID=0") && has("CLASS=user") && has("ACTIVE=1")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Owner;
    use crate::host::tree::TreeHost;

    #[test]
    fn a_guess_rests_on_something() {
        let dir = tempfile::tempdir().unwrap();
        let host = TreeHost::open(dir.path()).unwrap();
        // The tree's files have the times of the machine that the test runs on.
        let at = |path: &str| host.entry(path).unwrap().unwrap().modified;
        let moment = |seconds: i64| DateTime::from_timestamp(seconds, 0).unwrap();
        let now = moment(at("/etc/passwd"));
        assert_eq!(guess(&host, Some(now), now).0, Cause::Unknown);
        host.replace_file("/run/systemd/sessions/4", b"UID=0\nCLASS=user\nACTIVE=1\n", Owner::ROOT, 0o644)
            .unwrap();
        let (cause, evidence) = guess(&host, Some(now), now);
        assert_eq!((cause, evidence.as_str()), (Cause::RootShell, "root has the open session 4"));
        let log =
            "2026-01-01 10:00:00 status installed nginx:amd64 1.26.3-3\n2026-01-01 10:00:01 trigproc x\n";
        host.replace_file(DPKG_LOG, log.as_bytes(), Owner::ROOT, 0o644).unwrap();
        let (cause, evidence) = guess(&host, Some(now), now);
        assert_eq!(cause, Cause::PackageUpgrade);
        assert!(evidence.ends_with("lately for nginx:amd64"), "{evidence}");
        let later = moment(at(DPKG_LOG) + 3_600);
        assert_eq!(guess(&host, Some(later), later).0, Cause::RootShell, "that run of dpkg was long before");
    }
}
