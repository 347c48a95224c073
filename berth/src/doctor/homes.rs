//! Whether the file system of the homes can keep quotas. The resource `quota` asks the kernel the same, and gives
//! the same advice.

use berth_agent::host::mount::Mount;

use super::{Finding, Host};

const CHECK: &str = "home-quota";

pub(super) fn check(host: &Host) -> Vec<Finding> {
    let Some(text) = host.text("/proc/self/mountinfo") else {
        return vec![Finding::warning(CHECK, "the mounts can't be read", "run it on the host itself")];
    };
    let Some(mount) = Mount::holding(&text, "/home") else {
        return vec![Finding::warning(CHECK, "no file system holds /home", "run it on the host itself")];
    };
    vec![judge(host, &mount)]
}

fn judge(host: &Host, mount: &Mount) -> Finding {
    let seen = mount.describe("/home");
    let kept = match mount.kind.as_str() {
        "btrfs" => btrfs_quota(host, &mount.source),
        "ext4" => {
            mount.has(&["usrquota", "quota"]) || mount.options.iter().any(|o| o.starts_with("usrjquota="))
        }
        "xfs" => mount.has(&["usrquota", "uquota", "quota"]),
        _ => false,
    };
    if kept {
        return Finding::ok(CHECK, format!("{seen}, with quotas"));
    }
    if mount.has(&["uqnoenforce"]) {
        return Finding::warning(
            CHECK,
            format!("{seen}, which counts what users use and enforces no limit"),
            mount.enforcement_advice(),
        );
    }
    Finding::warning(CHECK, format!("{seen}, without quotas"), mount.quota_advice())
}

/// Whether a btrfs keeps quotas: the kernel shows its groups then.
fn btrfs_quota(host: &Host, source: &str) -> bool {
    let device = source.rsplit('/').next().unwrap_or_default();
    host.names("/sys/fs/btrfs").iter().any(|id| {
        host.exists(&format!("/sys/fs/btrfs/{id}/devices/{device}"))
            && host.exists(&format!("/sys/fs/btrfs/{id}/qgroups"))
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Severity, sample};
    use super::*;

    fn check_mount(line: &str, more: &[(&str, &str)]) -> Finding {
        let text = format!("20 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n{line}\n");
        let mut files = vec![("/proc/self/mountinfo", text.as_str())];
        files.extend_from_slice(more);
        let (_dir, host) = sample::host(&files);
        check(&host).remove(0)
    }

    #[test]
    fn each_file_system_says_in_its_own_way_that_it_keeps_quotas() {
        let ok = |line, more: &[(&str, &str)]| {
            assert_eq!(check_mount(line, more).severity, Severity::Ok, "{line}");
        };
        let warned = |line, more: &[(&str, &str)], hint: &str| {
            let finding = check_mount(line, more);
            assert_eq!(finding.severity, Severity::Warning, "{line}");
            assert!(finding.hint.as_ref().unwrap().contains(hint), "{finding:?}");
        };
        ok("30 20 8:2 / /home rw,relatime - ext4 /dev/sda2 rw,quota,usrquota", &[]);
        ok("30 20 8:2 / /home rw - xfs /dev/sda2 rw,attr2,usrquota", &[]);
        warned("30 20 8:2 / /home rw - xfs /dev/sda2 rw,attr2,noquota", &[], "uquota");
        warned("30 20 8:2 / /home rw - xfs /dev/sda2 rw,uqnoenforce", &[], "in the place of uqnoenforce");
        warned("30 20 8:2 / /srv rw - ext4 /dev/sda2 rw,usrquota", &[], "quotacheck -cum /");
        warned("30 20 8:2 / /homes rw - ext4 /dev/sda2 rw,usrquota", &[], "quotacheck -cum /");
        warned("30 20 0:30 / /home rw - tmpfs tmpfs rw", &[], "ext4, xfs or btrfs");
        let btrfs = "30 20 0:44 / /home rw - btrfs /dev/loop0 rw,subvol=/";
        let device = ("/sys/fs/btrfs/1234/devices/loop0/size", "1");
        warned(btrfs, &[device], "btrfs quota enable --simple /home");
        warned(btrfs, &[device, ("/sys/fs/btrfs/9/qgroups/mode", "x")], "btrfs quota enable --simple /home");
        ok(btrfs, &[device, ("/sys/fs/btrfs/1234/qgroups/mode", "qgroup")]);
    }
}
