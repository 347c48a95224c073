//! Whether tenants are kept off the schedulers that would run their commands outside of their control group.

use super::{Finding, Host};

const CHECK: &str = "cron";

pub(super) fn check(host: &Host) -> Vec<Finding> {
    let open: Vec<&str> =
        ["/etc/cron.allow", "/etc/at.allow"].into_iter().filter(|file| !host.exists(file)).collect();
    vec![if open.is_empty() {
        Finding::ok(CHECK, "cron and at serve only whom their lists name")
    } else {
        Finding::failed(
            CHECK,
            format!(
                "without {}, every tenant may schedule commands outside of their limits",
                open.join(" and ")
            ),
            format!("touch {}", open.join(" ")),
        )
    }]
}

#[cfg(test)]
mod tests {
    use super::super::{Severity, sample};
    use super::*;

    #[test]
    fn both_lists_must_be_there() {
        let (_dir, host) = sample::host(&[("/etc/cron.allow", ""), ("/etc/at.allow", "root\n")]);
        assert_eq!(check(&host)[0].severity, Severity::Ok);
        let (_dir, host) = sample::host(&[("/etc/cron.allow", "")]);
        let found = check(&host).remove(0);
        assert_eq!(found.severity, Severity::Failed);
        assert_eq!(found.hint.as_deref(), Some("touch /etc/at.allow"));
    }
}
