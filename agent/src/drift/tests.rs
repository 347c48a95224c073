use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use berth_core::condition::Resource;
use berth_core::drift::{Cause, DriftReport};
use berth_core::layout;

use crate::host::{Acl, Attributes, Host, Owner};
use crate::reconcile::testing::{Node, assert_converged, key, spec};

/// One agent that goes on running.
fn passes(node: &Node) -> impl FnMut() -> Vec<DriftReport> + use<> {
    let mut reconciler = node.reconciler(Arc::clone(&node.tree) as Arc<dyn Host>);
    let ledger = Arc::clone(&node.ledger);
    move || {
        let all = ledger.lock().unwrap().specs().into_keys().collect();
        let outcome = reconciler.pass(&all, true, Instant::now());
        for report in outcome.reports {
            assert_converged(&report);
            ledger.lock().unwrap().acknowledge(report).unwrap();
        }
        outcome.drift
    }
}

#[test]
fn whatever_is_changed_by_hand_is_put_right_and_told() {
    let node = Node::new();
    let (alice, bob) = (spec("alice", 1, 1), spec("bobby", 2, 2));
    node.accept(vec![alice.clone(), bob.clone()]);
    let mut pass = passes(&node);
    assert_eq!(pass(), [], "what is new is no drift");
    assert_eq!(pass(), [], "nor is nothing");

    let tree = &node.tree;
    let home = layout::home(&alice.username);
    let site = layout::site_dir(&alice.username, &alice.sites[0].fqdn);
    let text = |path: &str| node.read(path).unwrap();
    let lock = tree.lock_account_files().unwrap();
    let edit = |path: &str, from: &str, to: &str| {
        let edited = text(path).replace(from, to);
        assert_ne!(edited, text(path), "{path}");
        tree.replace_account_file(&lock, path, edited.as_bytes()).unwrap();
    };
    edit("/etc/passwd", "/home/alice:/usr/sbin/nologin", "/home/alice:/bin/bash");
    edit("/etc/shadow", "alice:!:", "alice:$y$j9T$abc:");
    edit("/etc/group", "alice,bobby", "bobby");
    let keys = layout::keys_file(&alice.username);
    let altered = format!("{}{}\n", text(&keys), key(2).authorized_line());
    tree.replace_file(&keys, altered.as_bytes(), Owner::root_with(alice.uid.get()), 0o640).unwrap();
    tree.remove_file(&layout::php_config(alice.uid)).unwrap();
    let mut open = Attributes::plain(Owner::root_with(alice.uid.get()), 0o755);
    open.acl = Acl::passage([33]);
    tree.set_attributes(&home, &open).unwrap();
    tree.remove_dir(&format!("{site}/logs")).unwrap();
    tree.replace_link(
        "/var/lib/berth/www/alice.example.com",
        &layout::site_dir(&bob.username, &bob.sites[0].fqdn),
    )
    .unwrap();
    tree.remove_file("/var/lib/systemd/linger/alice").unwrap();
    tree.remove_file(&layout::php_socket(alice.uid)).unwrap();
    tree.replace_file("/etc/ssh/sshd_config.d/50-berth.conf", b"Match all\n", Owner::ROOT, 0o644).unwrap();
    tree.remove_file("/etc/berth/nginx/nginx.conf").unwrap();
    // Not ours, beside ours.
    tree.replace_file("/etc/ssh/sshd_config.d/60-mine.conf", b"# mine\n", Owner::ROOT, 0o644).unwrap();

    let found = pass();
    let objects: BTreeSet<&str> = found.iter().map(|report| report.object.as_str()).collect();
    let expected = [
        "entry of alice in /etc/passwd".to_owned(),
        "entry of alice in /etc/shadow".to_owned(),
        "groups of alice".to_owned(),
        keys.clone(),
        layout::php_config(alice.uid),
        home.clone(),
        format!("{site}/logs"),
        "/var/lib/berth/www/alice.example.com".to_owned(),
        format!("user@{}.service", alice.uid),
        layout::php_socket(alice.uid),
        "/etc/ssh/sshd_config.d/50-berth.conf".to_owned(),
        "/etc/berth/nginx/nginx.conf".to_owned(),
    ];
    let expected: BTreeSet<&str> = expected.iter().map(String::as_str).collect();
    assert_eq!(objects, expected);
    let of = |object: &str| found.iter().find(|report| report.object == object).unwrap();
    for report in &found {
        let shared = report.object.starts_with("/etc/ssh") || report.object.starts_with("/etc/berth/nginx");
        assert_eq!(report.account, (!shared).then_some(alice.account), "{}", report.object);
        assert_eq!(report.cause, Cause::Unknown);
        assert!(report.right_at.is_some());
    }
    assert_eq!(of("groups of alice").found, None);
    assert_eq!(of("groups of alice").made.as_deref(), Some("berth-sftp"));
    assert!(of("entry of alice in /etc/passwd").found.as_ref().unwrap().ends_with(":/bin/bash"));
    assert!(!of("entry of alice in /etc/shadow").found.as_ref().unwrap().contains("$y$"), "no hash is shown");
    assert!(of(&keys).found.as_ref().unwrap().contains(key(2).authorized_line()));
    assert_eq!(of(&keys).resource, Some(Resource::Sftp));
    assert_eq!(of(&layout::php_config(alice.uid)).found, None);
    assert_eq!(of(&home).found.as_deref(), Some("directory 0:1900000002 0755 u:33:--x"));
    assert_eq!(pass(), [], "it is told once");
    assert_eq!(node.read("/etc/ssh/sshd_config.d/60-mine.conf").as_deref(), Some("# mine\n"));
    assert_eq!(node.ledger.lock().unwrap().drift().len(), found.len(), "kept until the server knows");
    node.ledger.lock().unwrap().forget_drift(&found).unwrap();
    assert_eq!(crate::ledger::Ledger::open(&node.ledger_dir()).unwrap().drift(), []);
}

#[test]
fn what_was_asked_for_is_no_drift() {
    let node = Node::new();
    node.accept(vec![spec("alice", 1, 1)]);
    let mut pass = passes(&node);
    pass();
    let mut changed = spec("alice", 1, 2);
    changed.sftp.keys = vec![key(2)];
    changed.sites.push(spec("carol", 3, 1).sites.remove(0));
    node.accept(vec![changed]);
    assert_eq!(pass(), []);
    let mut fewer = spec("alice", 1, 3);
    fewer.sftp.enabled = false;
    node.accept(vec![fewer]);
    assert_eq!(pass(), []);
}

#[test]
fn what_vanishes_with_the_machine_is_no_drift() {
    let node = Node::new();
    let alice = spec("alice", 1, 1);
    node.accept(vec![alice.clone()]);
    passes(&node)();
    node.tree.remove_file(&layout::php_socket(alice.uid)).unwrap();
    node.tree.remove_file("/run/berth/php/alice.example.com.sock").unwrap();
    node.tree.remove_file(&layout::php_config(alice.uid)).unwrap();
    let found = passes(&node)();
    let objects: Vec<&str> = found.iter().map(|report| report.object.as_str()).collect();
    assert_eq!(objects, [layout::php_config(alice.uid)]);
}

#[test]
fn a_new_version_of_the_agent_blames_nobody() {
    let node = Node::new();
    let alice = spec("alice", 1, 1);
    node.accept(vec![alice.clone()]);
    passes(&node)();
    let mut marks = node.ledger.lock().unwrap().node_marks();
    marks.set("version", "0.0.1");
    node.ledger.lock().unwrap().set_node_marks(marks).unwrap();
    node.tree.remove_file(&layout::php_config(alice.uid)).unwrap();
    assert_eq!(passes(&node)(), []);
    node.tree.remove_file(&layout::php_config(alice.uid)).unwrap();
    assert_eq!(passes(&node)().len(), 1);
}
