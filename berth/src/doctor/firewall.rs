//! Whether the firewall can be used, and refuses what accounts may not send before anything of theirs runs.

use super::{Finding, Host};
use crate::output::clean;
use crate::process::{self, NFT};

const CHECK: &str = "nftables";
const EGRESS: &str = "egress";

/// Where the unit that loads the table is hooked into the boot.
const HOOK: &str = "/etc/systemd/system/sysinit.target.wants/berth-egress.service";

pub(super) fn check(host: &Host) -> Vec<Finding> {
    let mut findings = vec![boots(host)];
    if !rustix::process::geteuid().is_root() {
        findings.push(Finding::warning(CHECK, "only root can ask the firewall", "run it as root"));
        return findings;
    }
    match process::run(NFT, &["list", "tables"]) {
        Ok(output) if output.status.success() => {
            findings.push(Finding::ok(CHECK, "it can be used"));
            findings.push(loaded(&String::from_utf8_lossy(&output.stdout)));
        }
        Ok(output) => findings.push(Finding::failed(
            CHECK,
            clean(String::from_utf8_lossy(&output.stderr).trim()),
            "boot a kernel with nf_tables, or give this container the right to change its network",
        )),
        Err(error) => {
            findings.push(Finding::failed(CHECK, format!("{NFT}: {error}"), "apt install nftables"));
        }
    }
    findings
}

/// Whether the table is loaded at boot.
fn boots(host: &Host) -> Finding {
    if host.link(HOOK).is_some() {
        Finding::ok(EGRESS, "accounts are refused everything from the boot until the agent runs")
    } else {
        Finding::failed(
            EGRESS,
            "berth-egress.service is not enabled: after a boot accounts reach everything until the agent runs",
            "systemctl enable --now berth-egress.service",
        )
    }
}

/// Whether the table is loaded now.
fn loaded(tables: &str) -> Finding {
    if tables.lines().any(|line| line.trim() == "table inet berth") {
        Finding::ok(EGRESS, "the table inet berth is loaded")
    } else {
        Finding::failed(
            EGRESS,
            "the table inet berth is not loaded: accounts reach everything",
            "systemctl restart berth-egress.service; the agent does the rest",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::super::sample::host;
    use super::*;

    #[test]
    fn a_boot_without_the_table_is_found() {
        let (_dir, with) = host(&[(HOOK, "-> /usr/lib/systemd/system/berth-egress.service")]);
        assert_eq!(boots(&with).severity, Severity::Ok);
        let (_dir, without) = host(&[]);
        assert_eq!(boots(&without).severity, Severity::Failed);
    }

    #[test]
    fn only_the_table_of_ours_counts() {
        assert_eq!(loaded("table ip filter\ntable inet berth\n").severity, Severity::Ok);
        for tables in ["", "table inet berthing\n", "table ip berth\n"] {
            assert_eq!(loaded(tables).severity, Severity::Failed, "{tables}");
        }
    }
}
