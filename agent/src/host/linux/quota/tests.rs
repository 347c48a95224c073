//! Quotas of a real btrfs, if `BERTH_TEST_BTRFS` names an empty one with quotas; the node suite has one always.

use std::time::Instant;

use super::*;
use crate::host::tree::TreeHost;
use crate::host::{Acl, Attributes, Host, Owner};

fn host(root: &std::path::Path) -> LinuxHost {
    let tree = tempfile::tempdir().unwrap();
    LinuxHost::below(root.to_owned(), Box::new(TreeHost::open(tree.path()).unwrap().into_systemd()))
}

/// Seconds that this thread has computed (`/proc/PID/schedstat`).
fn computing() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1e9
}

#[test]
fn a_file_system_without_quotas_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("alice")).unwrap();
    match host(dir.path()).quota("/alice", 1_900_000_001) {
        Ok(Reading::Lacking(lacking)) => {
            assert!(lacking.detail.starts_with("/alice is on "), "{lacking:?}");
            assert!(lacking.hint.ends_with("; this heals by itself then"), "{lacking:?}");
        }
        // This machine keeps quotas of users, or we may not ask.
        Ok(Reading::Kept(_)) => {}
        Err(error) => assert!(error.is(rustix::io::Errno::PERM), "{error}"),
    }
}

#[test]
fn cost_of_volumes_and_their_quotas() {
    let Ok(root) = std::env::var("BERTH_TEST_BTRFS") else { return };
    let count: u32 = std::env::var("BERTH_TEST_COUNT").map_or(100, |count| count.parse().unwrap());
    let host = host(std::path::Path::new(&root));
    let name = |number: u32| format!("/home/user{number}");
    let uid = |number: u32| 1_900_000_000 + number;
    std::fs::create_dir_all(format!("{root}/home")).unwrap();
    let timed = |what: &str, run: &mut dyn FnMut(u32)| {
        let (since, worked) = (Instant::now(), computing());
        (1..=count).for_each(run);
        let each = |seconds: f64| seconds * 1e6 / f64::from(count);
        let (all, computing) = (each(since.elapsed().as_secs_f64()), each(computing() - worked));
        eprintln!("{what}: {all:.1} µs each, {computing:.1} µs of them computing");
    };
    let mut attributes = Attributes::plain(Owner::root_with(0), 0o750);
    attributes.acl = Acl::passage([990]);
    timed("make", &mut |number| host.make_volume(&name(number), &attributes).unwrap());
    let inner = |number: u32, name: &str| format!("/home/user{number}{name}");
    timed("make a directory in it", &mut |number| {
        host.make_dir(&inner(number, "/x"), &Attributes::plain(Owner::ROOT, 0o750), &[]).unwrap();
    });
    timed("make a plain directory", &mut |number| {
        host.make_dir(&inner(number, "-plain"), &attributes, &[]).unwrap();
    });
    timed("make a directory in that", &mut |number| {
        host.make_dir(&inner(number, "-plain/x"), &Attributes::plain(Owner::ROOT, 0o750), &[]).unwrap();
    });
    let limits = QuotaLimits { bytes: Some(50 << 20), inodes: Some(7) };
    timed("set", &mut |number| host.set_quota(&name(number), uid(number), limits).unwrap());
    timed("read", &mut |number| {
        let Reading::Kept(quota) = host.quota(&name(number), uid(number)).unwrap() else { panic!() };
        assert!(quota.agrees_with(limits), "{quota:?}");
    });
    timed("look at the entry", &mut |number| assert!(host.entry(&name(number)).unwrap().is_some()));
    let since = Instant::now();
    let seen = host.adopt_volumes("/home", 0).unwrap();
    eprintln!("look at all volumes: {:.1} ms", since.elapsed().as_secs_f64() * 1e3);
    let since = Instant::now();
    assert_eq!(host.adopt_volumes("/home", seen.newest).unwrap().adopted, []);
    eprintln!("look for new volumes: {:.1} µs", since.elapsed().as_secs_f64() * 1e6);
    // One that was made with no group, and one in somebody else's.
    let home = host.directory("open", &name(1)).unwrap();
    for (nested, other) in [("escaped", None), ("foreign", Some(2))] {
        create_volume(&home, nested).unwrap();
        let dir = host.directory("open", &format!("{}/{nested}", name(1))).unwrap();
        btrfs::misplace(&dir, uid(1), other.map(uid)).unwrap();
    }
    let adopted = host.adopt_volumes("/home", seen.newest).unwrap().adopted;
    let formerly: Vec<_> = adopted.iter().map(|one| (one.uid, one.formerly.clone())).collect();
    assert_eq!(formerly, [(uid(1), vec![]), (uid(1), vec![uid(2)])]);
    assert_eq!(host.adopt_volumes("/home", 0).unwrap().adopted, []);
}
