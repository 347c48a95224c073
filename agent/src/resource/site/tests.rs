//! The web server's resource on a directory tree.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Mutex;

use berth_core::Parse;
use berth_core::domain::Docroot;
use berth_core::name::Fqdn;
use chrono::DateTime;

use super::*;
use crate::host::Host;
use crate::host::tree::TreeHost;
use crate::host::{
    AccountLock, Answer, Attributes, Entry, NewFile, Owner, Program, Quotas, Result as HostResult, Systemd,
};
use crate::ledger::{Certificates, Marks};
use crate::nginx::tests::spec;
use crate::nginx::{CANDIDATE_SITES, MAIN};
use crate::resource::SystemIds;

/// A tree whose nginx refuses blocks that speak of `broken`, those of `wants` without a file, and everything if an operator's file is broken.
struct Picky(TreeHost);

impl Host for Picky {
    fn firewall(&self) -> &dyn crate::host::Firewall {
        self.0.firewall()
    }
    fn run(&self, program: Program) -> HostResult<Answer> {
        self.0.run(program)?;
        let refuse = |said: String| Ok(Answer { success: false, said });
        for name in self.0.list(CANDIDATE_SITES)? {
            let text = self.0.read(&format!("{CANDIDATE_SITES}/{name}"))?.unwrap_or_default();
            let text = String::from_utf8(text).unwrap();
            let wants = text.contains("wants.example") && self.0.entry("/etc/wanted")?.is_none();
            if wants || text.contains("broken") {
                return refuse(format!("nginx: [emerg] invalid something in {CANDIDATE_SITES}/{name}:3"));
            }
        }
        if self.0.entry("/etc/nginx/conf.d/broken.conf")?.is_some() {
            return refuse("nginx: [emerg] unexpected end in /etc/nginx/conf.d/broken.conf:1".to_owned());
        }
        Ok(Answer { success: true, said: String::new() })
    }
    fn entry(&self, path: &str) -> HostResult<Option<Entry>> {
        self.0.entry(path)
    }
    fn read(&self, path: &str) -> HostResult<Option<Vec<u8>>> {
        self.0.read(path)
    }
    fn read_at_most(&self, path: &str, max: usize) -> HostResult<Option<Vec<u8>>> {
        self.0.read_at_most(path, max)
    }
    fn list_at_most(&self, dir: &str, max: usize) -> HostResult<Vec<String>> {
        self.0.list_at_most(dir, max)
    }
    fn list(&self, dir: &str) -> HostResult<Vec<String>> {
        self.0.list(dir)
    }
    fn replace_file(&self, path: &str, bytes: &[u8], owner: Owner, mode: u32) -> HostResult<()> {
        self.0.replace_file(path, bytes, owner, mode)
    }
    fn remove_file(&self, path: &str) -> HostResult<bool> {
        self.0.remove_file(path)
    }
    fn replace_link(&self, path: &str, target: &str) -> HostResult<()> {
        self.0.replace_link(path, target)
    }
    fn make_dir(&self, path: &str, attributes: &Attributes, files: &[NewFile<'_>]) -> HostResult<()> {
        self.0.make_dir(path, attributes, files)
    }
    fn make_volume(&self, path: &str, attributes: &Attributes) -> HostResult<()> {
        self.0.make_volume(path, attributes)
    }
    fn remove_tree(&self, path: &str) -> HostResult<bool> {
        self.0.remove_tree(path)
    }

    fn remove_dir(&self, path: &str) -> HostResult<bool> {
        self.0.remove_dir(path)
    }
    fn set_attributes(&self, path: &str, attributes: &Attributes) -> HostResult<()> {
        self.0.set_attributes(path, attributes)
    }
    fn move_dir(&self, from: &str, to: &str) -> HostResult<()> {
        self.0.move_dir(from, to)
    }
    fn lock_account_files(&self) -> HostResult<AccountLock> {
        self.0.lock_account_files()
    }
    fn replace_account_file(&self, lock: &AccountLock, path: &str, bytes: &[u8]) -> HostResult<()> {
        self.0.replace_account_file(lock, path, bytes)
    }
    fn bind_socket(&self, path: &str, owner: Owner, mode: u32) -> HostResult<OwnedFd> {
        self.0.bind_socket(path, owner, mode)
    }
    fn quotas(&self) -> &dyn Quotas {
        self.0.quotas()
    }
    fn systemd(&self) -> &dyn Systemd {
        self.0.systemd()
    }
}

struct Fixture {
    _dir: tempfile::TempDir,
    host: Picky,
    site: Site,
    node: Mutex<Marks>,
    certificates: Certificates,
}

fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let host = Picky(TreeHost::open(&dir.path().join("tree")).unwrap());
    Fixture {
        _dir: dir,
        host,
        site: Site::default(),
        node: Mutex::default(),
        certificates: Certificates::new(),
    }
}

impl Fixture {
    fn commit(&self, specs: &[AccountSpec], worked: &[&AccountSpec], audit: bool) -> SharedOutcome {
        self.commit_afresh(specs, worked, audit, false)
    }

    fn commit_afresh(
        &self,
        specs: &[AccountSpec],
        worked: &[&AccountSpec],
        audit: bool,
        afresh: bool,
    ) -> SharedOutcome {
        let ids = SystemIds { web_uid: 33, web_gid: 33, tls_uid: 34, log_uid: 36, log_gid: 36, sftp_gid: 35 };
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let changes = crate::drift::Changes::default();
        let context = Context {
            host: &self.host,
            now,
            ids,
            certificates: &self.certificates,
            acme: None,
            node: &self.node,
            changes: &changes,
        };
        let accounts = Accounts {
            ready: specs.iter().map(|spec| (spec.account, spec)).collect(),
            worked: worked.iter().map(|spec| spec.account).collect(),
            audit,
            afresh,
        };
        self.site.commit(&context, &accounts)
    }

    fn audit(&self, specs: &[AccountSpec]) -> SharedOutcome {
        self.commit(specs, &specs.iter().collect::<Vec<_>>(), true)
    }

    fn real(&self, path: &str) -> std::path::PathBuf {
        self.host.0.real(path)
    }

    fn target(&self, path: &str) -> Option<String> {
        std::fs::read_link(self.real(path)).ok().map(|target| target.to_string_lossy().into_owned())
    }

    /// How often nginx was checked, reloaded and restarted.
    fn commands(&self, word: &str) -> usize {
        let log = walk(self.real("/").parent().unwrap());
        log.lines().filter(|line| line.contains(word)).count()
    }
}

/// What the tree notes of commands, wherever it does.
fn walk(dir: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        if entry.file_name().to_string_lossy().contains("commands") {
            text.push_str(&std::fs::read_to_string(entry.path()).unwrap_or_default());
        }
    }
    text
}

fn own_docroot(mut spec: AccountSpec) -> AccountSpec {
    spec.sites[0].docroot = Docroot::parse("public_html/app").unwrap();
    spec
}

#[test]
fn a_standard_site_is_links_and_certificates_and_no_reload() {
    let fixture = fixture();
    let alice = spec("alice", &["alicesite.com"]);
    assert!(fixture.audit(std::slice::from_ref(&alice)).accounts[&alice.account].is_ok());
    let (checks, reloads, restarts) =
        (fixture.commands("nginx -t"), fixture.commands("ReloadUnit"), fixture.commands("RestartUnit"));
    assert!(checks == 1 && reloads == 0 && restarts == 1, "{checks} {reloads} {restarts}");

    let bob = spec("bob", &["bob.example"]);
    let outcome = fixture.commit(&[alice.clone(), bob.clone()], &[&bob], false);
    let observed = serde_json::to_value(crate::resource::condition(
        Resource::Site,
        outcome.accounts[&bob.account].clone(),
    ));
    assert_eq!(observed.unwrap()["observed"]["hosts"], serde_json::json!(["bob.example", "www.bob.example"]));
    assert!(!outcome.accounts.contains_key(&alice.account), "only what is worked on is reported");
    assert_eq!(
        fixture.target("/var/lib/berth/www/www.bob.example").unwrap(),
        "/home/bob/domains/bob.example"
    );
    assert_eq!(
        fixture.target("/run/berth/php/bob.example.sock").unwrap(),
        format!("/run/berth/fpm/{}.sock", bob.uid)
    );
    let key = fixture.host.entry("/var/lib/berth/tls/bob.example.key").unwrap().unwrap();
    assert_eq!(key.attributes, Attributes::plain(Owner { uid: 34, gid: 33 }, 0o640));
    assert_eq!((fixture.commands("nginx -t"), fixture.commands("ReloadUnit")), (1, 0));
}

#[test]
fn a_pass_with_nothing_to_do_does_nothing() {
    let fixture = fixture();
    let all = [spec("alice", &["alicesite.com"]), own_docroot(spec("bob", &["bob.example"]))];
    fixture.audit(&all);
    let before = fixture.host.0.changes();
    for audit in [false, true] {
        let outcome = fixture.commit(&all, &all.iter().collect::<Vec<_>>(), audit);
        assert!(outcome.accounts.values().all(Result::is_ok));
    }
    assert_eq!(fixture.host.0.changes(), before);
}

#[test]
fn links_of_removed_domains_go_and_those_of_others_stay() {
    let fixture = fixture();
    let mut alice = spec("alice", &["alicesite.com", "old.example"]);
    fixture.audit(std::slice::from_ref(&alice));
    std::os::unix::fs::symlink("/srv/by-hand", fixture.real("/var/lib/berth/www/by-hand.example")).unwrap();
    alice.sites.pop();
    // The name has gone to somebody else, whose pass came first.
    let bob = spec("bob", &["old.example"]);
    fixture.commit(&[alice.clone(), bob.clone()], &[&bob], false);
    fixture.commit(&[alice.clone(), bob.clone()], &[&alice], false);
    assert_eq!(fixture.target("/var/lib/berth/www/old.example").unwrap(), "/home/bob/domains/old.example");
    let gone = spec("bob", &["new.example"]);
    fixture.commit(&[alice.clone(), gone.clone()], &[&gone], false);
    for path in ["/var/lib/berth/www/old.example", "/run/berth/php/old.example.sock"] {
        assert_eq!(fixture.target(path), None, "{path}");
    }
    assert!(fixture.target("/var/lib/berth/www/by-hand.example").is_some());
    // Drift: a link led elsewhere by hand, found by the audit; and one more that nobody's pass would look for.
    let link = fixture.real("/var/lib/berth/www/alicesite.com");
    std::fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink("/home/bob/domains/new.example", &link).unwrap();
    let stray = fixture.real("/var/lib/berth/www/stray.example");
    std::os::unix::fs::symlink("/home/alice/domains/alicesite.com", &stray).unwrap();
    fixture.audit(&[alice, gone]);
    assert_eq!(
        fixture.target("/var/lib/berth/www/alicesite.com").unwrap(),
        "/home/alice/domains/alicesite.com"
    );
    assert_eq!(fixture.target("/var/lib/berth/www/stray.example"), None);
}

#[test]
fn a_site_that_nginx_refuses_is_left_out_alone() {
    let fixture = fixture();
    let standard = spec("carol", &["carol.example"]);
    let good = own_docroot(spec("bob", &["bob.example"]));
    let mut bad = own_docroot(spec("alice", &["alicesite.com"]));
    bad.sites[0].aliases = vec![Fqdn::parse("broken.example").unwrap()];
    let all = [standard.clone(), good.clone(), bad.clone()];
    let outcome = fixture.audit(&all);
    assert!(outcome.accounts[&standard.account].is_ok() && outcome.accounts[&good.account].is_ok());
    let failure = outcome.accounts[&bad.account].clone().unwrap_err();
    assert_eq!(failure.problem().code, Code::SiteRejected);
    assert!(failure.problem().detail.contains("alicesite.com: invalid something"), "{failure:?}");
    assert!(outcome.node.is_empty());
    assert!(fixture.real("/etc/berth/nginx/sites/bob.example.conf").exists());
    assert!(!fixture.real("/etc/berth/nginx/sites/alicesite.com.conf").exists());
    // It is not asked about again until it changes or somebody audits.
    let checks = fixture.commands("nginx -t");
    let outcome = fixture.commit(&all, &all.iter().collect::<Vec<_>>(), false);
    assert_eq!(outcome.accounts[&bad.account].clone().unwrap_err(), failure);
    assert_eq!(fixture.commands("nginx -t"), checks);
    let mended = own_docroot(spec("alice", &["alicesite.com"]));
    let outcome = fixture.commit(&[standard, good, mended.clone()], &[&mended], false);
    assert!(outcome.accounts[&mended.account].is_ok());
    assert!(fixture.real("/etc/berth/nginx/sites/alicesite.com.conf").exists());
    assert_eq!(fixture.commands("ReloadUnit"), 1, "one reload for the one change after the start");
}

#[test]
fn what_was_mended_elsewhere_is_seen_as_soon_as_somebody_asks() {
    let fixture = fixture();
    let other = spec("carol", &["carol.example"]);
    let wanting = own_docroot(spec("alice", &["wants.example"]));
    let all = [other.clone(), wanting.clone()];
    assert!(fixture.audit(&all).accounts[&wanting.account].is_err());
    fixture.host.replace_file("/etc/wanted", b"", Owner::ROOT, 0o644).unwrap();
    assert!(fixture.commit(&all, &[&wanting], false).accounts[&wanting.account].is_err(), "nobody has asked");
    // An audit of many accounts has several passes, and the one that is about the account need not be the last.
    let outcome = fixture.commit_afresh(&all, &[&other], false, true);
    assert!(outcome.accounts[&other.account].is_ok());
    let outcome = fixture.commit_afresh(&all, &[&wanting], false, true);
    assert!(outcome.accounts[&wanting.account].is_ok());
    assert!(fixture.real("/etc/berth/nginx/sites/wants.example.conf").exists());
}

#[test]
fn a_configuration_that_is_refused_as_a_whole_changes_nothing() {
    let fixture = fixture();
    let alice = own_docroot(spec("alice", &["alicesite.com"]));
    fixture.audit(std::slice::from_ref(&alice));
    std::fs::create_dir_all(fixture.real("/etc/nginx/conf.d")).unwrap();
    std::fs::File::create(fixture.real("/etc/nginx/conf.d/broken.conf")).unwrap();
    let before = std::fs::read(fixture.real(MAIN)).unwrap();
    let bob = own_docroot(spec("bob", &["bob.example"]));
    let outcome = fixture.commit(&[alice.clone(), bob.clone()], &[&bob], false);
    assert_eq!(outcome.node[0].code, Code::WebServerFailed);
    assert!(outcome.node[0].detail.contains("/etc/nginx/conf.d/broken.conf"), "{:?}", outcome.node);
    assert!(outcome.accounts[&bob.account].is_err());
    assert!(!fixture.real("/etc/berth/nginx/sites/bob.example.conf").exists());
    assert_eq!(std::fs::read(fixture.real(MAIN)).unwrap(), before);
    std::fs::remove_file(fixture.real("/etc/nginx/conf.d/broken.conf")).unwrap();
    let outcome = fixture.commit(&[alice, bob.clone()], &[&bob], false);
    assert!(outcome.node.is_empty() && outcome.accounts[&bob.account].is_ok(), "the next pass tries again");
}

#[test]
fn a_reload_that_a_killed_agent_did_not_come_to_is_made_up_for() {
    let fixture = fixture();
    let alice = own_docroot(spec("alice", &["alicesite.com"]));
    fixture.audit(std::slice::from_ref(&alice));
    // Everything is written, but nothing says that nginx has read it.
    *fixture.node.lock().unwrap() = Marks::default();
    let reloads = fixture.commands("ReloadUnit");
    fixture.audit(std::slice::from_ref(&alice));
    assert_eq!(fixture.commands("ReloadUnit"), reloads + 1);
}
