//! Whether the numbers of tenants are free of others.

use std::ops::RangeInclusive;

use berth_core::account::UID_RANGE;
use berth_core::layout::HOME_ROOT;

use super::{Finding, Host};

const CHECK: &str = "id-ranges";

pub(super) fn check(host: &Host) -> Vec<Finding> {
    let mut findings = foreign_accounts(host);
    for file in ["/etc/subuid", "/etc/subgid"] {
        findings.extend(subordinate(file, &host.text(file).unwrap_or_default()));
    }
    findings.extend(login_defs(&host.text("/etc/login.defs").unwrap_or_default()));
    if findings.is_empty() {
        let (first, last) = (UID_RANGE.start(), UID_RANGE.end());
        findings.push(Finding::ok(CHECK, format!("{first} to {last} is Berth's alone")));
    }
    findings
}

/// Accounts and groups in the range that Berth has not made: one of Berth's has its home below /home and its
/// own number as group.
fn foreign_accounts(host: &Host) -> Vec<Finding> {
    let mut foreign = Vec::new();
    for line in host.text("/etc/passwd").unwrap_or_default().lines() {
        let fields: Vec<&str> = line.split(':').collect();
        if let [name, _, uid, gid, _, home, ..] = fields.as_slice()
            && uid.parse().is_ok_and(|uid| UID_RANGE.contains(&uid))
            && (uid != gid || *home != format!("{HOME_ROOT}/{name}"))
        {
            foreign.push(format!("account {name} ({uid})"));
        }
    }
    if foreign.is_empty() {
        return Vec::new();
    }
    vec![Finding::failed(
        CHECK,
        format!("numbers of tenants are used by others: {}", foreign.join(", ")),
        "give them other numbers, and their files with them",
    )]
}

fn subordinate(file: &str, text: &str) -> Vec<Finding> {
    let overlapping: Vec<&str> = text
        .lines()
        .filter(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            let [_, start, count] = fields.as_slice() else { return false };
            let (Ok(start), Ok(count)) = (start.parse::<u64>(), count.parse::<u64>()) else { return false };
            count > 0 && overlaps(start..=start.saturating_add(count - 1))
        })
        .collect();
    if overlapping.is_empty() {
        return Vec::new();
    }
    vec![Finding::failed(
        CHECK,
        format!("{file} lends numbers of tenants: {}", overlapping.join(", ")),
        format!("move these ranges in {file}; until then a container of that user can act as a tenant"),
    )]
}

/// Ranges that other tools take new numbers from.
fn login_defs(text: &str) -> Vec<Finding> {
    let value = |wanted: &str| {
        text.lines().rev().find_map(|line| {
            let mut words = line.split_whitespace();
            (words.next() == Some(wanted))
                .then(|| words.next().and_then(|number| number.parse::<u64>().ok()))?
        })
    };
    let mut found = Vec::new();
    for (low, high) in [
        ("UID_MIN", "UID_MAX"),
        ("GID_MIN", "GID_MAX"),
        ("SUB_UID_MIN", "SUB_UID_MAX"),
        ("SUB_GID_MIN", "SUB_GID_MAX"),
    ] {
        if let (Some(start), Some(end)) = (value(low), value(high))
            && overlaps(start..=end)
        {
            found.push(Finding::failed(
                CHECK,
                format!("{low} and {high} in /etc/login.defs allow {start} to {end}, which holds numbers of tenants"),
                format!("set {high} below {}", UID_RANGE.start()),
            ));
        }
    }
    found
}

fn overlaps(range: RangeInclusive<u64>) -> bool {
    *range.start() <= u64::from(*UID_RANGE.end()) && *range.end() >= u64::from(*UID_RANGE.start())
}

#[cfg(test)]
mod tests {
    use super::super::{Severity, sample};
    use super::*;

    fn details(files: &[(&str, &str)]) -> Vec<String> {
        let (_dir, host) = sample::host(files);
        check(&host)
            .into_iter()
            .filter(|finding| finding.severity != Severity::Ok)
            .map(|finding| finding.detail)
            .collect()
    }

    #[test]
    fn a_stock_debian_with_tenants_is_fine() {
        let files = [
            (
                "/etc/passwd",
                "root:x:0:0::/root:/bin/bash\nalice:x:1900000001:1900000001:Alice:/home/alice:/usr/sbin/nologin\n",
            ),
            ("/etc/subuid", "debian:100000:65536\n"),
            (
                "/etc/login.defs",
                "UID_MIN 1000\nUID_MAX 60000\n#SUB_UID_MAX 9999999999\nSUB_UID_MIN 100000\nSUB_UID_MAX 600100000\n",
            ),
        ];
        assert_eq!(details(&files), Vec::<String>::new());
    }

    #[test]
    fn what_reaches_into_the_range_is_named() {
        let found = details(&[("/etc/passwd", "eve:x:1900000007:100::/srv/eve:/bin/sh\n")]);
        assert!(found[0].contains("eve (1900000007)"), "{found:?}");
        let found = details(&[("/etc/subuid", "docker:1899999999:3\nlow:100000:65536\n")]);
        assert!(found[0].contains("docker:1899999999:3") && !found[0].contains("low"), "{found:?}");
        assert_eq!(details(&[("/etc/subuid", "docker:1899999999:2\n")]), Vec::<String>::new());
        let found = details(&[("/etc/login.defs", "UID_MIN\t1000\nUID_MAX\t4000000000\n")]);
        assert!(found[0].contains("UID_MAX"), "{found:?}");
    }
}
