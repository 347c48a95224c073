//! Whether nobody has got into a group that opens other people's things.

use berth_core::account::UID_RANGE;
use berth_core::layout::{TLS_USER, WEB_USER};

use super::{Finding, Host};

const CHECK: &str = "groups";

pub(super) fn check(host: &Host) -> Vec<Finding> {
    let (Some(passwd), Some(groups)) = (host.text("/etc/passwd"), host.text("/etc/group")) else {
        return vec![Finding::warning(CHECK, "the account files can't be read", "run it on the host itself")];
    };
    let mut findings = Vec::new();
    let mut seen = false;
    for line in groups.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, gid, members] = fields.as_slice() else { continue };
        let members: Vec<&str> = members.split(',').filter(|member| !member.is_empty()).collect();
        let gid = gid.parse::<u32>().ok();
        if *name == WEB_USER || *name == TLS_USER {
            seen |= *name == WEB_USER;
            let primary = passwd.lines().filter_map(|line| {
                let fields: Vec<&str> = line.split(':').collect();
                match fields.as_slice() {
                    [user, _, _, group, ..] if group.parse().ok() == gid && user != name => Some(*user),
                    _ => None,
                }
            });
            let inside: Vec<&str> =
                members.iter().copied().filter(|member| member != name).chain(primary).collect();
            if !inside.is_empty() {
                findings.push(Finding::failed(
                    CHECK,
                    format!(
                        "group {name} has members, who can reach what only the web server should: {}",
                        inside.join(", ")
                    ),
                    format!("gpasswd --delete USER {name}, for each of them"),
                ));
            }
        }
        // The group of a tenant opens the tenant's home.
        if gid.is_some_and(|gid| UID_RANGE.contains(&gid)) && members.iter().any(|member| member != name) {
            findings.push(Finding::failed(
                CHECK,
                format!("the group of tenant {name} has other members: {}", members.join(", ")),
                format!("gpasswd --delete USER {name}, for each of them"),
            ));
        }
    }
    if !seen {
        findings.push(Finding::failed(
            CHECK,
            format!("this host has no group {WEB_USER}"),
            "systemd-sysusers berth.conf",
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::ok(CHECK, "the web server shares no group with anybody"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::{Severity, sample};
    use super::*;

    fn failed(group: &str, passwd: &str) -> usize {
        let (_dir, host) = sample::host(&[("/etc/group", group), ("/etc/passwd", passwd)]);
        check(&host).iter().filter(|finding| finding.severity == Severity::Failed).count()
    }

    #[test]
    fn only_the_web_server_is_in_its_group() {
        let web = "berth-web:x:990:\nberth-tls:x:989:\nalice:x:1900000001:\nberth-sftp:x:988:alice\n";
        let passwd =
            "berth-web:x:990:990::/:/usr/sbin/nologin\nalice:x:1900000001:1900000001::/home/alice:/x\n";
        assert_eq!(failed(web, passwd), 0);
        assert_eq!(failed("berth-web:x:990:alice\n", passwd), 1);
        assert_eq!(failed(web, &format!("{passwd}bob:x:1:990::/:/x\n")), 1);
        assert_eq!(failed("berth-web:x:990:\nalice:x:1900000001:www-data\n", passwd), 1);
        assert_eq!(failed("root:x:0:\n", passwd), 1);
    }
}
