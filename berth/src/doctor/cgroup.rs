//! Whether the kernel can limit what a tenant uses.

use super::{Finding, Host};

const CHECK: &str = "cgroup";

/// What the limits of a package need.
const NEEDED: [&str; 4] = ["cpu", "io", "memory", "pids"];

pub(super) fn check(host: &Host) -> Vec<Finding> {
    let Some(text) = host.text("/sys/fs/cgroup/cgroup.controllers") else {
        return vec![Finding::failed(
            CHECK,
            "the host does not use control groups of version 2",
            "take systemd.unified_cgroup_hierarchy=0 off the kernel's command line and boot again",
        )];
    };
    let present: Vec<&str> = text.split_whitespace().collect();
    let missing: Vec<&str> = NEEDED.into_iter().filter(|name| !present.contains(name)).collect();
    if missing.is_empty() {
        return vec![Finding::ok(CHECK, "version 2, with every controller that limits need")];
    }
    vec![Finding::warning(
        CHECK,
        format!("these controllers are missing, so their limits have no effect: {}", missing.join(", ")),
        "boot a kernel that has them; for memory, take cgroup_disable=memory off its command line",
    )]
}

#[cfg(test)]
mod tests {
    use super::super::{Severity, sample};
    use super::*;

    #[test]
    fn controllers() {
        let severity = |files: &[(&str, &str)]| {
            let (_dir, host) = sample::host(files);
            check(&host).remove(0).severity
        };
        let file = "/sys/fs/cgroup/cgroup.controllers";
        assert_eq!(severity(&[(file, "cpuset cpu io memory hugetlb pids rdma misc\n")]), Severity::Ok);
        assert_eq!(severity(&[(file, "cpuset cpu io pids\n")]), Severity::Warning);
        assert_eq!(severity(&[("/sys/fs/cgroup/memory/tasks", "")]), Severity::Failed);
    }
}
