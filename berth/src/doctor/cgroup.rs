//! Whether the kernel can limit what a tenant uses.

use berth_agent::host::cgroup::{ADVICE, CONTROLLERS, missing};

use super::{Finding, Host};

const CHECK: &str = "cgroup";

pub(super) fn check(host: &Host) -> Vec<Finding> {
    let Some(text) = host.text(CONTROLLERS) else {
        return vec![Finding::failed(
            CHECK,
            "the host does not use control groups of version 2",
            "take systemd.unified_cgroup_hierarchy=0 off the kernel's command line and boot again",
        )];
    };
    let missing = missing(&text);
    if missing.is_empty() {
        return vec![Finding::ok(CHECK, "version 2, with every controller that limits need")];
    }
    vec![Finding::warning(
        CHECK,
        format!("these controllers are missing, so their limits have no effect: {}", missing.join(", ")),
        ADVICE,
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
