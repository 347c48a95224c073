//! Who listens where sites and panel shall be.

use std::collections::BTreeSet;

use berth_server::config::Config;

use super::{Finding, Host};

const CHECK: &str = "ports";

pub(super) fn check(host: &Host, config: &Config) -> Vec<Finding> {
    let listeners: Vec<(u16, String)> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| host.text(table))
        .flat_map(|table| listening(&table))
        .collect();
    let panel = config.listen.panel.port();
    [(80, "nginx"), (443, "nginx"), (panel, "berth")]
        .into_iter()
        .map(|(port, wanted)| {
            let sockets: BTreeSet<&str> = listeners
                .iter()
                .filter(|(listening, _)| *listening == port)
                .map(|(_, inode)| inode.as_str())
                .collect();
            judge(port, wanted, !sockets.is_empty(), &programs(host, &sockets))
        })
        .collect()
}

fn judge(port: u16, wanted: &str, taken: bool, programs: &BTreeSet<String>) -> Finding {
    let names = programs.iter().cloned().collect::<Vec<_>>().join(", ");
    if !taken {
        // Nobody serves TLS for sites before the first certificate.
        return if port == 443 {
            Finding::ok(CHECK, "port 443 is free")
        } else {
            let unit = if wanted == "berth" { "berth" } else { "nginx" };
            Finding::warning(
                CHECK,
                format!("nobody listens on port {port}"),
                format!("systemctl start {unit}"),
            )
        };
    }
    if programs.is_empty() {
        return Finding::warning(
            CHECK,
            format!("who listens on port {port} can't be seen"),
            "run it as root",
        );
    }
    if programs.iter().all(|program| program == wanted) {
        Finding::ok(CHECK, format!("{names} listens on port {port}"))
    } else {
        Finding::failed(
            CHECK,
            format!("port {port} is for {wanted}, but {names} listens there"),
            format!("stop {names} or give it another port"),
        )
    }
}

/// Port and inode of every listening socket in a table of the kernel.
fn listening(table: &str) -> Vec<(u16, String)> {
    let parse = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, local, _, "0A", _, _, _, _, _, inode, ..] = fields.as_slice() else { return None };
        let (_, port) = local.rsplit_once(':')?;
        Some((u16::from_str_radix(port, 16).ok()?, (*inode).to_owned()))
    };
    table.lines().skip(1).filter_map(parse).collect()
}

/// Names of the programs that hold one of these sockets.
fn programs(host: &Host, inodes: &BTreeSet<&str>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    if inodes.is_empty() {
        return found;
    }
    for process in host.names("/proc").iter().filter(|name| name.bytes().all(|b| b.is_ascii_digit())) {
        let holds = host.names(&format!("/proc/{process}/fd")).iter().any(|fd| {
            host.link(&format!("/proc/{process}/fd/{fd}")).is_some_and(|target| {
                let target = target.to_string_lossy();
                target
                    .strip_prefix("socket:[")
                    .and_then(|rest| rest.strip_suffix(']'))
                    .is_some_and(|inode| inodes.contains(inode))
            })
        });
        if holds && let Some(name) = host.text(&format!("/proc/{process}/comm")) {
            found.insert(crate::output::clean(name.trim()));
        }
    }
    // Until its first unit starts, a socket of a unit is held by the service manager as well.
    if found.len() > 1 {
        found.remove("systemd");
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::{Severity, sample};
    use super::*;

    #[test]
    fn who_listens_where() {
        let head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
        let tcp = format!(
            "{head}   0: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1\n\
             {}   1: 0100007F:20FB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 222 1\n",
            ""
        );
        // A connection to port 443 of another host is no listener.
        let tcp6 = format!("{head}   0: 0:01BB 0:0000 01 00000000:00000000 00:00000000 00000000 0 0 333 1\n");
        let (_dir, host) = sample::host(&[
            ("/proc/net/tcp", &tcp),
            ("/proc/net/tcp6", &tcp6),
            ("/proc/10/comm", "nginx\n"),
            ("/proc/10/fd/6", "-> socket:[111]"),
            ("/proc/20/comm", "apache2\n"),
            ("/proc/20/fd/3", "-> socket:[222]"),
        ]);
        let findings = check(&host, &Config::default());
        let severities: Vec<_> = findings.iter().map(|finding| finding.severity).collect();
        assert_eq!(severities, [Severity::Ok, Severity::Ok, Severity::Failed], "{findings:?}");
        assert!(findings[2].detail.contains("apache2"));
    }
}
