//! Which file system holds a path, and how it is brought to keep quotas.

/// A line of `mountinfo` (`proc_pid_mountinfo(5)`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Where it is mounted.
    pub place: String,
    /// Name of the file system.
    pub kind: String,
    /// What is mounted.
    pub source: String,
    /// Options of the mount and of the file system.
    pub options: Vec<String>,
}

impl Mount {
    /// The mount that holds a path.
    pub fn holding(mountinfo: &str, path: &str) -> Option<Self> {
        mountinfo
            .lines()
            .filter_map(parse)
            .filter(|mount| std::path::Path::new(path).starts_with(&mount.place))
            // The last of several mounts at one place is the one that is seen.
            .max_by_key(|mount| mount.place.len())
    }

    /// What was seen, as the beginning of a sentence about a path.
    pub fn describe(&self, path: &str) -> String {
        let Self { place, kind, source, options } = self;
        format!("{path} is on {kind} ({source}), mounted at {place} with the options {}", options.join(","))
    }

    /// Whether one of these options is set.
    pub fn has(&self, wanted: &[&str]) -> bool {
        self.options.iter().any(|option| wanted.contains(&option.as_str()))
    }

    /// What to do for user quotas, or groups of volumes, to be kept.
    pub fn quota_advice(&self) -> String {
        let Self { place, source, .. } = self;
        match self.kind.as_str() {
            "btrfs" => format!(
                "run `btrfs quota enable --simple {place}`; where the homes hold data already, \
                 `btrfs quota enable {place}` counts that as well"
            ),
            "ext4" if place == "/" => format!(
                "add usrquota to the options of {place} in /etc/fstab, then run `mount -o remount {place}`, \
                 `quotacheck -cum {place}` and `quotaon -u {place}` (package quota)"
            ),
            "ext4" => format!(
                "unmount {place}, run `tune2fs -O quota {source}`, add usrquota to its options in /etc/fstab, \
                 and mount it again; or, without unmounting: add usrquota there, then run \
                 `mount -o remount {place}`, `quotacheck -cum {place}` and `quotaon -u {place}` (package quota)"
            ),
            "xfs" if place == "/" => {
                "add rootflags=uquota to the kernel's command line and boot again: xfs takes it at the first \
                 mount only"
                    .to_owned()
            }
            "xfs" => format!(
                "add uquota to the options of {place} in /etc/fstab, then unmount it and mount it again, or \
                 boot: xfs does not take it with a remount"
            ),
            _ => "put /home on ext4, xfs or btrfs".to_owned(),
        }
    }

    /// What to do for limits to be enforced that are counted only.
    pub fn enforcement_advice(&self) -> String {
        let Self { place, .. } = self;
        if self.kind == "xfs" {
            return format!(
                "put uquota in the place of uqnoenforce in the options of {place} in /etc/fstab, then unmount \
                 it and mount it again"
            );
        }
        format!(
            "run `quotaon -u {place}` (package quota), and add usrquota to its options in /etc/fstab so that \
             it stays on"
        )
    }
}

fn parse(line: &str) -> Option<Mount> {
    let (before, after) = line.split_once(" - ")?;
    let mut before = before.split(' ');
    let place = before.nth(4)?;
    let own = before.next()?;
    let mut after = after.split(' ');
    let (kind, source, of_all) = (after.next()?, after.next()?, after.next().unwrap_or_default());
    let mut options: Vec<String> = Vec::new();
    for option in own.split(',').chain(of_all.split(',')).filter(|option| !option.is_empty()) {
        if !options.iter().any(|known| known == option) {
            options.push(option.to_owned());
        }
    }
    Some(Mount { place: place.to_owned(), kind: kind.to_owned(), source: source.to_owned(), options })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "20 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw,errors=remount-ro\n";

    #[test]
    fn the_innermost_and_last_mount_counts() {
        let holding = |more: &str| Mount::holding(&format!("{ROOT}{more}"), "/home").unwrap();
        assert_eq!(holding("").place, "/");
        assert_eq!(holding("30 20 8:2 / /homes rw - ext4 /dev/sda2 rw").place, "/");
        let twice =
            "30 20 8:2 / /home rw - ext4 /dev/sda2 rw\n31 30 0:40 / /home rw shared:1 - btrfs /dev/sda3 rw";
        assert_eq!(holding(twice).kind, "btrfs");
        assert_eq!(holding("").options, ["rw", "relatime", "errors=remount-ro"]);
        assert_eq!(Mount::holding("", "/home"), None);
    }

    #[test]
    fn every_file_system_has_its_own_way() {
        let advice = |kind: &str, place: &str| {
            let options = vec!["rw".to_owned()];
            let mount = Mount {
                place: place.to_owned(),
                kind: kind.to_owned(),
                source: "/dev/sda2".to_owned(),
                options,
            };
            format!("{}: {}\n", mount.describe("/home"), mount.quota_advice())
        };
        let all: String = [
            ("ext4", "/home"),
            ("ext4", "/"),
            ("xfs", "/home"),
            ("xfs", "/"),
            ("btrfs", "/home"),
            ("tmpfs", "/home"),
        ]
        .map(|(kind, place)| advice(kind, place))
        .concat();
        insta::assert_snapshot!(all);
    }
}
