use berth_core::condition::{Condition, ConditionState, Resource};

use super::*;
use crate::nginx::tests::certificate;
use crate::reconcile::testing::spec;

fn open(dir: &tempfile::TempDir) -> Ledger {
    Ledger::open(dir.path()).unwrap()
}

#[test]
fn what_was_accepted_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open(&dir);
    let (alice, bob) = (spec("alice", 1, 3), spec("bobby", 2, 5));
    assert_eq!(ledger.accept(vec![alice.clone(), bob.clone()]).unwrap(), [alice.account, bob.account]);
    let mut marks = Marks::default();
    marks.set("home", "ours");
    ledger.set_marks(alice.account, marks.clone()).unwrap();
    ledger.set_audit(4).unwrap();
    let ledger = open(&dir);
    assert_eq!((ledger.cursor(), ledger.audit()), (5, 4));
    assert_eq!(*ledger.spec(alice.account).unwrap(), alice);
    assert_eq!(ledger.marks(alice.account), marks);
    assert_eq!(ledger.usernames(), ["alice".to_owned(), "bobby".to_owned()].into());
}

#[test]
fn an_older_or_equal_generation_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open(&dir);
    ledger.accept(vec![spec("alice", 1, 5)]).unwrap();
    assert_eq!(ledger.accept(vec![spec("alice", 1, 4), spec("alice", 1, 5)]).unwrap(), []);
    assert_eq!(ledger.cursor(), 5);
    assert_eq!(ledger.accept(vec![spec("alice", 1, 6)]).unwrap().len(), 1);
}

#[test]
fn a_spec_torn_at_any_byte_is_fetched_again() {
    let dir = tempfile::tempdir().unwrap();
    let alice = spec("alice", 1, 5);
    open(&dir).accept(vec![alice.clone(), spec("bobby", 2, 6)]).unwrap();
    let path = spec_file(dir.path(), alice.account);
    let whole = std::fs::read(&path).unwrap();
    for cut in (0..whole.len()).step_by(7) {
        #[expect(clippy::disallowed_methods, reason = "a torn file is what the test makes")]
        std::fs::write(&path, &whole[..cut]).unwrap();
        let mut ledger = open(&dir);
        assert_eq!(ledger.cursor(), 0, "torn at {cut}");
        assert_eq!(ledger.spec(alice.account), None);
        assert_eq!(ledger.accept(vec![alice.clone(), spec("bobby", 2, 6)]).unwrap(), [alice.account]);
        assert_eq!(open(&dir).cursor(), 6);
    }
    let mut turned = whole;
    *turned.last_mut().unwrap() ^= 1;
    #[expect(clippy::disallowed_methods, reason = "a damaged file is what the test makes")]
    std::fs::write(&path, &turned).unwrap();
    assert_eq!(open(&dir).cursor(), 0);
}

#[test]
fn a_vanished_spec_or_position_is_fetched_again() {
    let dir = tempfile::tempdir().unwrap();
    let alice = spec("alice", 1, 5);
    open(&dir).accept(vec![alice.clone()]).unwrap();
    std::fs::remove_file(spec_file(dir.path(), alice.account)).unwrap();
    assert_eq!(open(&dir).cursor(), 0);
    open(&dir).accept(vec![alice]).unwrap();
    std::fs::remove_file(dir.path().join(POSITION)).unwrap();
    assert_eq!(open(&dir).cursor(), 0);
}

#[test]
fn a_temporary_file_of_a_crash_is_swept() {
    let dir = tempfile::tempdir().unwrap();
    open(&dir).accept(vec![spec("alice", 1, 5)]).unwrap();
    let left = specs(dir.path()).join(".x.tmp-1");
    std::fs::File::create(&left).unwrap();
    assert_eq!(open(&dir).cursor(), 5);
    assert!(!left.exists());
}

#[test]
fn nothing_is_written_when_nothing_changes() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = open(&dir);
    let alice = spec("alice", 1, 5);
    ledger.accept(vec![alice.clone()]).unwrap();
    let report = AccountReport {
        account: alice.account,
        generation: 5,
        conditions: vec![Condition::new(Resource::Account, ConditionState::Converged)],
    };
    ledger.acknowledge(report.clone()).unwrap();
    let state = state_file(dir.path(), alice.account);
    std::fs::remove_file(&state).unwrap();
    ledger.acknowledge(report.clone()).unwrap();
    ledger.set_marks(alice.account, Marks::default()).unwrap();
    assert!(!state.exists());
    assert_eq!(ledger.reported(alice.account), Some(&report));
}

#[test]
fn certificates_are_kept_as_long_as_a_spec_names_them() {
    let dir = tempfile::tempdir().unwrap();
    let issued = certificate(&["a.example"]);
    let mut ledger = Ledger::open(dir.path()).unwrap();
    let mut named = spec("alice", 1, 1);
    named.sites[0].certificate = Some(issued.fingerprint.clone());
    ledger.accept_certificates(vec![issued.clone()]).unwrap();
    ledger.accept(vec![named.clone()]).unwrap();
    let again = Ledger::open(dir.path()).unwrap();
    assert_eq!(again.certificates().get(&issued.fingerprint), Some(&issued));
    assert_eq!(again.cursor(), 1);
    // A torn file has everything fetched again.
    let file = certificate_file(dir.path(), &issued.fingerprint);
    #[expect(clippy::disallowed_methods, reason = "a torn file is what the test makes")]
    std::fs::write(&file, b"torn").unwrap();
    let torn = Ledger::open(dir.path()).unwrap();
    assert_eq!((torn.certificates().len(), torn.cursor(), file.exists()), (0, 0, false));
    // What no spec names any more is forgotten.
    ledger.accept_certificates(vec![issued.clone()]).unwrap();
    ledger.accept(vec![spec("alice", 1, 2)]).unwrap();
    assert!(ledger.certificates().is_empty());
}
