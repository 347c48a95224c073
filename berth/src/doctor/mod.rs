//! `berth doctor`: what is wrong with this host, and how to mend it. Nothing is changed.

mod agent;
mod cgroup;
mod clock;
mod firewall;
mod groups;
mod homes;
mod ids;
mod keyring;
mod php;
mod ports;
mod schedulers;
mod ssh;

use std::path::PathBuf;

use berth_server::config::Config;
use serde::Serialize;

use crate::client::Session;

/// How serious a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    /// As it should be.
    Ok,
    /// Something that Berth does can't be done here, or could not be checked; the rest works.
    Warning,
    /// Berth does not work, or is not safe, until it is mended.
    Failed,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// Name of the check.
    pub(crate) check: &'static str,
    /// How serious it is.
    pub(crate) severity: Severity,
    /// What was seen.
    pub(crate) detail: String,
    /// How to mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, detail: impl Into<String>) -> Self {
        Self { check, severity: Severity::Ok, detail: detail.into(), hint: None }
    }

    fn warning(check: &'static str, detail: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { check, severity: Severity::Warning, detail: detail.into(), hint: Some(hint.into()) }
    }

    fn failed(check: &'static str, detail: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { check, severity: Severity::Failed, detail: detail.into(), hint: Some(hint.into()) }
    }
}

/// The host that is looked at: its files below a directory, so that tests can look at samples.
#[derive(Debug, Clone)]
pub(crate) struct Host {
    root: PathBuf,
}

impl Host {
    /// This host.
    pub(crate) fn this() -> Self {
        Self { root: PathBuf::from("/") }
    }

    /// The place of an absolute path.
    fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// The text of a file, or nothing if it can't be read.
    fn text(&self, path: &str) -> Option<String> {
        std::fs::read(self.path(path)).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The names in a directory, sorted; none if it can't be read.
    fn names(&self, path: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.path(path)).into_iter().flatten().flatten();
        let mut names: Vec<String> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// Where a link leads, as it is written.
    fn link(&self, path: &str) -> Option<PathBuf> {
        std::fs::read_link(self.path(path)).ok()
    }

    fn exists(&self, path: &str) -> bool {
        self.path(path).exists()
    }
}

/// Runs every check.
pub(crate) async fn examine(host: &Host, config: &Config, session: &Session) -> Vec<Finding> {
    let mut findings = homes::check(host);
    findings.extend(cgroup::check(host));
    findings.extend(firewall::check(host));
    findings.extend(ssh::check(host));
    findings.extend(ports::check(host, config));
    findings.extend(clock::check(host));
    findings.extend(ids::check(host));
    findings.extend(groups::check(host));
    findings.extend(php::check(host));
    findings.extend(schedulers::check(host));
    findings.extend(keyring::check(&config.keyring));
    findings.extend(agent::check(session).await);
    findings
}

#[cfg(test)]
pub(super) mod sample {
    use super::Host;

    /// A host made of these files.
    pub(crate) fn host(files: &[(&str, &str)]) -> (tempfile::TempDir, Host) {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path.trim_start_matches('/'));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            match text.strip_prefix("-> ") {
                Some(target) => std::os::unix::fs::symlink(target, path).unwrap(),
                None => crate::files::replace(&path, text.as_bytes(), 0o644).unwrap(),
            }
        }
        let host = Host { root: dir.path().to_owned() };
        (dir, host)
    }
}
