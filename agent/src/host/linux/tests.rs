//! What the kernel says of our calls. Owners and access control lists of others need root; without it these
//! tests give everything to whoever runs them.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use super::*;
use crate::host::tree::TreeHost;

struct Fixture {
    dir: tempfile::TempDir,
    host: LinuxHost,
}

fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    std::fs::create_dir_all(root.join("etc")).unwrap();
    std::fs::create_dir_all(root.join("home")).unwrap();
    let systemd = TreeHost::open(&dir.path().join("tree")).unwrap().into_systemd();
    Fixture { host: LinuxHost::below(root, Box::new(systemd)), dir }
}

impl Fixture {
    fn real(&self, path: &str) -> std::path::PathBuf {
        self.dir.path().join("root").join(path.trim_start_matches('/'))
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn somebody() -> Owner {
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    if is_root() { Owner::tenant(1_900_000_001) } else { Owner { uid, gid } }
}

fn me() -> Owner {
    Owner { uid: rustix::process::geteuid().as_raw(), gid: rustix::process::getegid().as_raw() }
}

#[test]
fn a_file_is_replaced_with_owner_and_mode() {
    let f = fixture();
    f.host.replace_file("/etc/x", b"one", me(), 0o640).unwrap();
    f.host.replace_file("/etc/x", b"two", somebody(), 0o604).unwrap();
    assert_eq!(f.host.read("/etc/x").unwrap().unwrap(), b"two");
    let entry = f.host.entry("/etc/x").unwrap().unwrap();
    assert_eq!(entry.attributes, Attributes::plain(somebody(), 0o604));
    assert_eq!(f.host.list("/etc").unwrap(), ["x"]);
    assert!(f.host.remove_file("/etc/x").unwrap());
    assert!(!f.host.remove_file("/etc/x").unwrap());
    assert_eq!(f.host.entry("/etc/x").unwrap(), None);
    assert_eq!(f.host.read("/nowhere/x").unwrap(), None);
}

#[test]
fn no_link_is_followed_anywhere() {
    let f = fixture();
    std::fs::create_dir(f.real("/outside")).unwrap();
    std::fs::File::create(f.real("/outside/secret")).unwrap();
    symlink(f.real("/outside"), f.real("/home/alice")).unwrap();
    symlink("/outside/secret", f.real("/etc/x")).unwrap();
    assert!(f.host.entry("/home/alice/secret").is_err());
    assert!(f.host.read("/home/alice/secret").is_err());
    assert!(f.host.replace_file("/home/alice/y", b"", me(), 0o600).is_err());
    assert!(f.host.make_dir("/home/alice/z", &Attributes::plain(me(), 0o700), &[]).is_err());
    assert!(f.host.set_attributes("/home/alice", &Attributes::plain(me(), 0o777)).is_err());
    assert!(f.host.move_dir("/home/alice", "/home/bob").is_err());
    assert!(f.host.list("/home/alice").is_err());
    assert!(f.host.read("/etc/x").is_err());
    assert_eq!(f.host.entry("/etc/x").unwrap().unwrap().kind, Kind::Link("/outside/secret".to_owned()));
    // Replacing replaces the link, not what it points to.
    f.host.replace_file("/etc/x", b"mine", me(), 0o600).unwrap();
    assert_eq!(std::fs::read(f.real("/outside/secret")).unwrap(), b"");
    assert_eq!(std::fs::read_dir(f.real("/outside")).unwrap().count(), 1);
}

#[test]
fn a_path_with_dots_or_without_root_is_refused() {
    let f = fixture();
    for path in ["", "etc/x", "/etc/../x", "/etc/./x", "/etc//x", "/etc/x/", "/", "/etc/x\0"] {
        assert!(f.host.entry(path).is_err(), "{path:?}");
    }
}

#[test]
fn a_fifo_blocks_nobody() {
    let f = fixture();
    let mode = Mode::from_raw_mode(0o600);
    let dir = rustix::fs::open(f.real("/etc"), OFlags::PATH | OFlags::DIRECTORY, Mode::empty()).unwrap();
    rustix::fs::mkfifoat(&dir, "pipe", mode).unwrap();
    assert!(f.host.read("/etc/pipe").is_err());
    assert_eq!(f.host.entry("/etc/pipe").unwrap().unwrap().kind, Kind::Other);
}

#[test]
fn nothing_is_made_in_a_directory_of_somebody_else() {
    let f = fixture();
    std::fs::create_dir(f.real("/home/open")).unwrap();
    std::fs::set_permissions(f.real("/home/open"), std::fs::Permissions::from_mode(0o777)).unwrap();
    assert!(f.host.replace_file("/home/open/x", b"", me(), 0o600).is_err());
    assert!(f.host.replace_link("/home/open/x", "/etc").is_err());
    assert!(f.host.make_dir("/home/open/x", &Attributes::plain(me(), 0o700), &[]).is_err());
    assert!(f.host.bind_socket("/home/open/x", me(), 0o600).is_err());
    assert_eq!(std::fs::read_dir(f.real("/home/open")).unwrap().count(), 0);
}

#[test]
fn a_directory_appears_complete_and_left_overs_are_put_right() {
    let f = fixture();
    let attributes = Attributes::plain(somebody(), 0o755);
    let page = NewFile { name: "index.php", bytes: b"hello", owner: somebody(), mode: 0o644 };
    let left = f.real("/home/.berth-tmp-site");
    // A crash can leave it at any step: nothing in it, half a file in it, or complete.
    for step in 0..3 {
        std::fs::create_dir(&left).unwrap();
        if step > 0 {
            std::fs::File::create(left.join("index.php")).unwrap();
        }
        if step > 1 {
            std::fs::remove_dir_all(&left).unwrap();
            f.host.make_dir("/home/site", &attributes, &[page]).unwrap();
            std::fs::rename(f.real("/home/site"), &left).unwrap();
        }
        f.host.make_dir("/home/site", &attributes, &[page]).unwrap();
        assert!(!left.exists());
        let entry = f.host.entry("/home/site").unwrap().unwrap();
        assert_eq!(entry.attributes, attributes);
        assert_eq!(
            f.host.entry("/home/site/index.php").unwrap().unwrap().attributes,
            Attributes::plain(somebody(), 0o644)
        );
        assert_eq!(std::fs::read(f.real("/home/site/index.php")).unwrap(), b"hello");
        assert!(f.host.make_dir("/home/site", &attributes, &[]).is_err(), "it is there already");
        std::fs::remove_dir_all(f.real("/home/site")).unwrap();
        if left.exists() {
            std::fs::remove_dir_all(&left).unwrap();
        }
    }
}

#[test]
fn the_list_is_set_read_back_and_taken_away() {
    let f = fixture();
    let mut wanted = Attributes::plain(if is_root() { Owner::root_with(1_900_000_001) } else { me() }, 0o750);
    wanted.acl = Acl::passage([33]);
    match f.host.make_dir("/home/alice", &wanted, &[]) {
        Err(error) if error.is(Errno::OPNOTSUPP) => {
            eprintln!("not tested: the file system of temporary files has no access control lists");
            return;
        }
        made => made.unwrap(),
    }
    assert_eq!(f.host.entry("/home/alice").unwrap().unwrap().attributes, wanted);
    assert_eq!(std::fs::metadata(f.real("/home/alice")).unwrap().mode() & 0o7777, 0o750);
    // Somebody widens it with chmod: the mask changes, so it is no list of ours any more.
    std::fs::set_permissions(f.real("/home/alice"), std::fs::Permissions::from_mode(0o770)).unwrap();
    assert_ne!(f.host.entry("/home/alice").unwrap().unwrap().attributes, wanted);
    f.host.set_attributes("/home/alice", &wanted).unwrap();
    assert_eq!(f.host.entry("/home/alice").unwrap().unwrap().attributes, wanted);
    let plain = Attributes::plain(wanted.owner, 0o700);
    f.host.set_attributes("/home/alice", &plain).unwrap();
    assert_eq!(f.host.entry("/home/alice").unwrap().unwrap().attributes, plain);
}

#[test]
fn an_account_file_keeps_its_mode_and_its_former_self() {
    let f = fixture();
    f.host.replace_file("/etc/shadow", b"one\n", me(), 0o640).unwrap();
    let lock = f.host.lock_account_files().unwrap();
    for text in ["two\n", "three\n"] {
        let before = std::fs::read(f.real("/etc/shadow")).unwrap();
        f.host.replace_account_file(&lock, "/etc/shadow", text.as_bytes()).unwrap();
        assert_eq!(std::fs::read(f.real("/etc/shadow")).unwrap(), text.as_bytes());
        assert_eq!(std::fs::read(f.real("/etc/shadow-")).unwrap(), before);
        for name in ["shadow", "shadow-"] {
            let metadata = std::fs::metadata(f.real("/etc").join(name)).unwrap();
            assert_eq!((metadata.mode() & 0o7777, metadata.nlink()), (0o640, 1), "{name}");
        }
    }
    // A crash between keeping the backup and the replacement leaves one file with both names.
    std::fs::remove_file(f.real("/etc/shadow-")).unwrap();
    std::fs::hard_link(f.real("/etc/shadow"), f.real("/etc/shadow-")).unwrap();
    f.host.replace_account_file(&lock, "/etc/shadow", b"four\n").unwrap();
    assert_eq!(std::fs::read(f.real("/etc/shadow-")).unwrap(), b"three\n");
    assert_eq!(f.host.list("/etc").unwrap(), [".pwd.lock", "shadow", "shadow-"]);
}

#[test]
fn the_lock_keeps_others_out_until_it_ends() {
    let f = fixture();
    let lock = f.host.lock_account_files().unwrap();
    let path = f.real("/etc/.pwd.lock");
    assert!(!record_lock_is_free(&path));
    drop(lock);
    assert!(record_lock_is_free(&path));
}

/// Asks for the lock as `lckpwdf` does, from a thread of its own.
fn record_lock_is_free(path: &Path) -> bool {
    let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    let operation = rustix::fs::FlockOperation::NonBlockingLockExclusive;
    rustix::fs::fcntl_lock(&file, operation).is_ok()
}

#[test]
fn a_socket_listens_and_replaces_another() {
    use std::os::unix::net::UnixStream;
    let f = fixture();
    let first = f.host.bind_socket("/etc/x.sock", me(), 0o660).unwrap();
    assert_eq!(f.host.entry("/etc/x.sock").unwrap().unwrap().kind, Kind::Socket);
    assert_eq!(f.host.entry("/etc/x.sock").unwrap().unwrap().attributes, Attributes::plain(me(), 0o660));
    UnixStream::connect(f.real("/etc/x.sock")).unwrap();
    let _second = f.host.bind_socket("/etc/x.sock", me(), 0o660).unwrap();
    drop(first);
    UnixStream::connect(f.real("/etc/x.sock")).unwrap();
    assert_eq!(f.host.list("/etc").unwrap(), ["x.sock"]);
}

#[test]
fn a_link_and_a_move_replace_nothing_by_accident() {
    let f = fixture();
    f.host.replace_link("/etc/site", "/home/a").unwrap();
    f.host.replace_link("/etc/site", "/home/b").unwrap();
    assert_eq!(f.host.entry("/etc/site").unwrap().unwrap().kind, Kind::Link("/home/b".to_owned()));
    let plain = Attributes::plain(me(), 0o700);
    f.host.make_dir("/home/a", &plain, &[]).unwrap();
    f.host.make_dir("/home/b", &plain, &[]).unwrap();
    assert!(f.host.move_dir("/home/a", "/home/b").is_err());
    f.host.move_dir("/home/a", "/home/c").unwrap();
    assert_eq!(f.host.list("/home").unwrap(), ["b", "c"]);
}
