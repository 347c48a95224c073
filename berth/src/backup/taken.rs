//! Numbers that tenants of this host have or had, which a restored database may not know of.

use std::os::unix::fs::MetadataExt;

use berth_core::account::Uid;
use berth_core::layout::HOME_ROOT;

/// The highest number of a tenant in the account files or on a home. A backup is older than the accounts that
/// were made after it; their numbers must not be given to others, who would then own what is left of them.
pub(super) fn on_this_host() -> Option<Uid> {
    let files = ["/etc/passwd", "/etc/group"]
        .map(|file| std::fs::read_to_string(file).unwrap_or_default())
        .join("\n");
    let homes = std::fs::read_dir(HOME_ROOT)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.metadata().ok())
        .map(|metadata| metadata.gid());
    highest(&files, homes)
}

fn highest(account_files: &str, homes: impl Iterator<Item = u32>) -> Option<Uid> {
    account_files
        .lines()
        .filter_map(|line| line.split(':').nth(2)?.parse().ok())
        .chain(homes)
        .filter_map(|number| Uid::try_from(number).ok())
        .max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_number_of_a_tenant_counts() {
        let files = "root:x:0:0::/root:/bin/sh\nalice:x:1900000001:1900000001::/home/alice:/x\nbob:x:1900000007:\nnobody:x:65534:\nbroken\n";
        let found = |homes: &[u32]| highest(files, homes.iter().copied()).map(Uid::get);
        assert_eq!(found(&[]), Some(1_900_000_007));
        assert_eq!(found(&[0, 1_900_000_009, 2_147_483_647]), Some(1_900_000_009));
        assert_eq!(highest("", std::iter::empty()), None);
    }
}
