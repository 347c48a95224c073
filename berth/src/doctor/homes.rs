//! Whether the file system of the homes can keep quotas.

use super::{Finding, Host, is_within};

const CHECK: &str = "home-quota";

/// A line of `mountinfo` (`proc_pid_mountinfo(5)`).
struct Mount<'a> {
    place: &'a str,
    kind: &'a str,
    source: &'a str,
    options: Vec<&'a str>,
}

pub(super) fn check(host: &Host) -> Vec<Finding> {
    let Some(text) = host.text("/proc/self/mountinfo") else {
        return vec![Finding::warning(CHECK, "the mounts can't be read", "run it on the host itself")];
    };
    let home = text
        .lines()
        .filter_map(parse)
        .filter(|mount| is_within("/home", mount.place))
        // The last of several mounts at one place is the one that is seen.
        .max_by_key(|mount| mount.place.len());
    let Some(mount) = home else {
        return vec![Finding::warning(CHECK, "no file system holds /home", "run it on the host itself")];
    };
    vec![judge(host, &mount)]
}

fn parse(line: &str) -> Option<Mount<'_>> {
    let (before, after) = line.split_once(" - ")?;
    let mut before = before.split(' ');
    let place = before.nth(4)?;
    let own = before.next()?;
    let mut after = after.split(' ');
    let (kind, source, super_options) = (after.next()?, after.next()?, after.next().unwrap_or_default());
    Some(Mount { place, kind, source, options: own.split(',').chain(super_options.split(',')).collect() })
}

fn judge(host: &Host, mount: &Mount<'_>) -> Finding {
    let Mount { place, kind, source, options } = mount;
    let seen = format!("/home is on {kind} ({source}), mounted at {place}");
    let has = |wanted: &[&str]| options.iter().any(|option| wanted.iter().any(|name| option == name));
    match *kind {
        "btrfs" if btrfs_quota(host, source) => Finding::ok(CHECK, format!("{seen}, with quotas")),
        "btrfs" => {
            Finding::warning(CHECK, format!("{seen}, without quotas"), format!("btrfs quota enable {place}"))
        }
        "ext4" if has(&["usrquota", "quota"]) || options.iter().any(|o| o.starts_with("usrjquota=")) => {
            Finding::ok(CHECK, format!("{seen}, with quotas"))
        }
        "ext4" => Finding::warning(
            CHECK,
            format!("{seen}, with options {}", options.join(",")),
            format!(
                "unmount it, run `tune2fs -O quota {source}`, add usrquota to its options in /etc/fstab, \
                 and mount it again"
            ),
        ),
        "xfs" if has(&["usrquota", "uquota", "quota"]) => Finding::ok(CHECK, format!("{seen}, with quotas")),
        "xfs" => Finding::warning(
            CHECK,
            format!("{seen}, with options {}", options.join(",")),
            "add usrquota to its options in /etc/fstab and mount it anew; for the root file system add \
             rootflags=usrquota to the kernel's command line",
        ),
        _ => Finding::warning(
            CHECK,
            format!("{seen}, which keeps no quotas for Berth"),
            "put /home on ext4, xfs or btrfs",
        ),
    }
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
        warned("30 20 8:2 / /home rw - xfs /dev/sda2 rw,attr2,noquota", &[], "usrquota");
        warned("30 20 8:2 / /srv rw - ext4 /dev/sda2 rw,usrquota", &[], "tune2fs -O quota /dev/sda1");
        warned("30 20 8:2 / /homes rw - ext4 /dev/sda2 rw,usrquota", &[], "tune2fs");
        warned("30 20 0:30 / /home rw - tmpfs tmpfs rw", &[], "ext4, xfs or btrfs");
        let btrfs = "30 20 0:44 / /home rw - btrfs /dev/loop0 rw,subvol=/";
        let device = ("/sys/fs/btrfs/1234/devices/loop0/size", "1");
        warned(btrfs, &[device], "btrfs quota enable /home");
        warned(btrfs, &[device, ("/sys/fs/btrfs/9/qgroups/mode", "x")], "btrfs quota enable /home");
        ok(btrfs, &[device, ("/sys/fs/btrfs/1234/qgroups/mode", "qgroup")]);
    }
}
