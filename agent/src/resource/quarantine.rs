//! Moving a left-over home aside: sealed, nothing in it touched.

use berth_core::layout;
use berth_core::link::Quarantine;
use berth_core::{Code, Problem};

use crate::host::{Attributes, Host, Owner};

/// Moves `/home/<username>` into the quarantine and says where it is. Doing it again says the same.
///
/// # Errors
/// There is nothing to move, or it is not a directory, or moving failed.
pub fn carry_out(host: &dyn Host, order: &Quarantine) -> Result<String, Problem> {
    let home = layout::home(&order.username);
    let target = format!("{}/{}-{}", layout::QUARANTINE_DIR, order.username, order.id);
    seal(host)?;
    if host.entry(&target)?.is_some() {
        return Ok(target);
    }
    match host.entry(&home)? {
        None => {
            return Err(Problem::new(Code::NotFound, format!("{home} does not exist on the node")));
        }
        Some(found) if !found.is_dir() => {
            return Err(Problem::new(Code::HostFailed, format!("{home} is not a directory"))
                .hint("look at it on the node, and move it away by hand"));
        }
        Some(_) => {}
    }
    host.move_dir(&home, &target)?;
    Ok(target)
}

/// Why a home of ours is not moved.
pub fn in_use(order: &Quarantine) -> Problem {
    let detail = format!("{} is the home of an account", layout::home(&order.username));
    Problem::new(Code::UsernameTaken, detail).hint("only homes that are left over can be moved aside")
}

/// Nobody but root gets into the quarantine.
fn seal(host: &dyn Host) -> Result<(), Problem> {
    let wanted = Attributes::plain(Owner::ROOT, 0o700);
    match host.entry(layout::QUARANTINE_DIR)? {
        None => host.make_dir(layout::QUARANTINE_DIR, &wanted, &[])?,
        Some(found) if !found.is_dir() => {
            let detail = format!("{} is not a directory", layout::QUARANTINE_DIR);
            return Err(Problem::new(Code::HostFailed, detail));
        }
        Some(found) if found.attributes == wanted => {}
        Some(_) => host.set_attributes(layout::QUARANTINE_DIR, &wanted)?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use berth_core::id::QuarantineId;
    use berth_core::link::Inventory;

    use super::*;
    use crate::host::tree::TreeHost;
    use crate::resource::inventory;

    fn tree() -> (tempfile::TempDir, TreeHost) {
        let dir = tempfile::tempdir().unwrap();
        let tree = TreeHost::open(&dir.path().join("tree")).unwrap();
        (dir, tree)
    }

    fn order(number: u128) -> Quarantine {
        let id = QuarantineId(uuid::Uuid::from_u128(number));
        Quarantine { id, username: "alice".parse().unwrap() }
    }

    #[test]
    fn a_left_over_home_moves_once_and_stays_sealed() {
        let (_dir, tree) = tree();
        let plain = Attributes::plain(Owner::tenant(1000), 0o755);
        tree.make_dir("/home/alice", &plain, &[]).unwrap();
        tree.replace_file("/home/alice/photo", b"cat", Owner::tenant(1000), 0o644).unwrap();
        let moved = carry_out(&tree, &order(1)).unwrap();
        assert_eq!(moved, "/home/.berth-quarantine/alice-00000000-0000-0000-0000-000000000001");
        assert_eq!(tree.read(&format!("{moved}/photo")).unwrap().unwrap(), b"cat");
        assert_eq!(tree.entry(&moved).unwrap().unwrap().attributes, plain, "it was touched");
        let quarantine = tree.entry(layout::QUARANTINE_DIR).unwrap().unwrap();
        assert_eq!(quarantine.attributes, Attributes::plain(Owner::ROOT, 0o700));
        assert_eq!(tree.entry("/home/alice").unwrap(), None);
        // The same order again, also when another home has been left there meanwhile.
        tree.make_dir("/home/alice", &plain, &[]).unwrap();
        assert_eq!(carry_out(&tree, &order(1)).unwrap(), moved);
        assert_ne!(carry_out(&tree, &order(2)).unwrap(), moved);
        assert_eq!(carry_out(&tree, &order(3)).unwrap_err().code, Code::NotFound);
    }

    #[test]
    fn a_link_or_file_is_left_alone() {
        let (_dir, tree) = tree();
        tree.replace_link("/home/alice", "/etc").unwrap();
        assert_eq!(carry_out(&tree, &order(1)).unwrap_err().code, Code::HostFailed);
        assert!(tree.entry("/home/alice").unwrap().is_some());
    }

    #[test]
    fn the_inventory_names_what_a_username_could_be_and_is_not_ours() {
        let (_dir, tree) = tree();
        let passwd = b"root:x:0:0::/:/bin/sh\nbob:x:1000:1000::/:/bin/sh\nalice:x:1900000001:1::/:/x\nUpper:x:5:5:::\n";
        tree.replace_file("/etc/passwd", passwd, Owner::ROOT, 0o644).unwrap();
        tree.replace_file("/etc/group", b"bob:x:1000:\ncarol:x:1001:\n", Owner::ROOT, 0o644).unwrap();
        for home in ["alice", "dave", ".berth-quarantine", "lost+found"] {
            tree.make_dir(&format!("/home/{home}"), &Attributes::plain(Owner::ROOT, 0o755), &[]).unwrap();
        }
        let ours: BTreeSet<String> = ["alice".to_owned()].into();
        let expected =
            Inventory { names: vec!["bob".to_owned(), "carol".to_owned()], homes: vec!["dave".to_owned()] };
        assert_eq!(inventory::take(&tree, &ours).unwrap(), expected);
    }
}
