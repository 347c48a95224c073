//! The agent's memory on disk: what shall be (specs, as fetched), what resources noted, what was reported.
//!
//! One file per account and kind, each replaced at once and headed by a checksum. A file that does not verify
//! is dropped: a lost spec sets the cursor back, so that the server sends everything again; a lost state only
//! means that something is looked at and reported once more.

mod file;
mod marks;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use berth_core::account::Uid;
use berth_core::certificate::{Fingerprint, SiteCertificate, Thumbprint};
use berth_core::drift::DriftReport;
use berth_core::id::AccountId;
use berth_core::link::{AccountReport, QuarantineReport};
use berth_core::spec::AccountSpec;
use serde::{Deserialize, Serialize};

pub use marks::Marks;

/// Everything that the agent remembers.
#[derive(Debug)]
pub struct Ledger {
    dir: PathBuf,
    position: Position,
    records: BTreeMap<AccountId, Record>,
    certificates: Arc<Certificates>,
    /// Drift that the server has not confirmed to know.
    drift: Vec<DriftReport>,
    gate: Gate,
}

/// The certificates that specs name.
pub type Certificates = BTreeMap<Fingerprint, SiteCertificate>;

/// Who is asked before each write, and can refuse it: a test that stages a full disk or a crash. Nobody else.
#[derive(Clone, Default)]
struct Gate(Option<BeforeWrite>);

/// See [`Ledger::asking`].
pub type BeforeWrite = Arc<dyn Fn(&Path) -> io::Result<()> + Send + Sync>;

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Gate").field(&self.0.is_some()).finish()
    }
}

impl Gate {
    fn store<T: Serialize>(&self, path: &Path, value: &T) -> io::Result<()> {
        if let Some(before) = &self.0 {
            before(path)?;
        }
        file::store(path, value)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        if let Some(before) = &self.0 {
            before(path)?;
        }
        match file::remove(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }
}

/// How far the agent is with what the server said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Position {
    /// Newest generation whose spec is on disk.
    cursor: u64,
    /// Number of specs on disk at that generation; fewer means that some were lost.
    accounts: usize,
    /// The last request for an audit that was acted on.
    audit: u64,
    /// Results of quarantines, kept so that a repeated order gets the same answer.
    quarantines: Vec<QuarantineReport>,
    /// Notes about the node as a whole.
    marks: Marks,
    /// What challenges of the certification authority are answered with.
    acme: Option<Thumbprint>,
}

/// Quarantine results that are remembered.
const QUARANTINES_KEPT: usize = 256;

/// Unconfirmed drift that is remembered. Without a server for days the newest counts.
const DRIFT_KEPT: usize = 2_000;

/// What is remembered of an account.
#[derive(Debug, Clone)]
struct Record {
    spec: Arc<AccountSpec>,
    state: State,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct State {
    marks: Marks,
    /// What the server has confirmed to know.
    reported: Option<AccountReport>,
}

impl Ledger {
    /// Opens the ledger, or starts an empty one.
    ///
    /// # Errors
    /// The directory can't be made or read. Damaged files are no error.
    pub fn open(dir: &Path) -> io::Result<Self> {
        for part in [dir.to_owned(), specs(dir), states(dir), certificates_dir(dir)] {
            file::make_private_dir(&part)?;
        }
        let mut position: Position = file::load(&dir.join(POSITION))?.unwrap_or_default();
        let mut records = BTreeMap::new();
        let mut lost = false;
        for path in file::list(&specs(dir))? {
            let Some(spec) =
                file::load::<AccountSpec>(&path)?.filter(|spec| path == spec_file(dir, spec.account))
            else {
                tracing::warn!(file = %path.display(), "dropped a spec that does not verify; it is fetched again");
                file::remove(&path)?;
                lost = true;
                continue;
            };
            let state = file::load(&state_file(dir, spec.account))?.unwrap_or_default();
            records.insert(spec.account, Record { spec: Arc::new(spec), state });
        }
        let mut certificates = Certificates::new();
        for path in file::list(&certificates_dir(dir))? {
            match file::load::<SiteCertificate>(&path)? {
                Some(found) if path == certificate_file(dir, &found.fingerprint) => {
                    certificates.insert(found.fingerprint.clone(), found);
                }
                _ => {
                    tracing::warn!(file = %path.display(), "dropped a certificate that does not verify");
                    file::remove(&path)?;
                    lost = true;
                }
            }
        }
        if lost || records.len() < position.accounts {
            position.cursor = 0;
        }
        let drift = file::load(&dir.join(DRIFT))?.unwrap_or_default();
        let certificates = Arc::new(certificates);
        let mut ledger =
            Self { dir: dir.to_owned(), position, records, certificates, drift, gate: Gate::default() };
        ledger.forget_certificates(ledger.certificates.keys().cloned().collect())?;
        Ok(ledger)
    }

    /// Has each write ask first, for tests of a full disk and of crashes.
    #[must_use]
    pub fn asking(mut self, before: BeforeWrite) -> Self {
        self.gate = Gate(Some(before));
        self
    }

    /// Newest generation on disk.
    pub const fn cursor(&self) -> u64 {
        self.position.cursor
    }

    /// The last request for an audit that was acted on.
    pub const fn audit(&self) -> u64 {
        self.position.audit
    }

    /// Every account, by id.
    pub fn specs(&self) -> BTreeMap<AccountId, Arc<AccountSpec>> {
        self.records.iter().map(|(id, record)| (*id, Arc::clone(&record.spec))).collect()
    }

    /// One account.
    pub fn spec(&self, account: AccountId) -> Option<Arc<AccountSpec>> {
        self.records.get(&account).map(|record| Arc::clone(&record.spec))
    }

    /// The account whose Unix account has this number.
    pub fn spec_of(&self, uid: Uid) -> Option<Arc<AccountSpec>> {
        self.records.values().find(|record| record.spec.uid == uid).map(|record| Arc::clone(&record.spec))
    }

    /// The names of all our Unix accounts: those of accounts and those of web users.
    pub fn usernames(&self) -> BTreeSet<String> {
        let accounts = self.records.values().map(|record| record.spec.username.to_string());
        let web_users = self.records.values().flat_map(|record| &record.spec.web_users);
        accounts.chain(web_users.map(|user| user.login.to_string())).collect()
    }

    /// The certificates that specs name, as far as the server has sent them.
    pub fn certificates(&self) -> Arc<Certificates> {
        Arc::clone(&self.certificates)
    }

    /// What challenges of the certification authority are answered with.
    pub const fn acme(&self) -> Option<&Thumbprint> {
        self.position.acme.as_ref()
    }

    /// Remembers what challenges are answered with; whether it differs from what was known.
    ///
    /// # Errors
    /// It could not be written.
    pub fn set_acme(&mut self, thumbprint: Thumbprint) -> io::Result<bool> {
        if self.position.acme.as_ref() == Some(&thumbprint) {
            return Ok(false);
        }
        self.position(|position, _| position.acme = Some(thumbprint))?;
        Ok(true)
    }

    /// Stores certificates that the server sent. To be called before [`Ledger::accept`] with the specs that
    /// name them.
    ///
    /// # Errors
    /// One could not be written.
    pub fn accept_certificates(&mut self, sent: Vec<SiteCertificate>) -> io::Result<()> {
        for certificate in sent {
            if self.certificates.contains_key(&certificate.fingerprint) {
                continue;
            }
            self.gate.store(&certificate_file(&self.dir, &certificate.fingerprint), &certificate)?;
            Arc::make_mut(&mut self.certificates).insert(certificate.fingerprint.clone(), certificate);
        }
        Ok(())
    }

    /// Stores specs that the server sent and moves the cursor; says which accounts changed. A spec that is not
    /// newer than what is known is refused: the node never goes back.
    ///
    /// # Errors
    /// Something could not be written; the cursor has not moved then.
    pub fn accept(&mut self, specs: Vec<AccountSpec>) -> io::Result<Vec<AccountId>> {
        let mut changed = Vec::new();
        let mut replaced = BTreeSet::new();
        let mut cursor = self.position.cursor;
        for spec in specs {
            cursor = cursor.max(spec.generation);
            let known = self.records.get(&spec.account);
            if known.is_some_and(|record| record.spec.generation >= spec.generation) {
                continue;
            }
            self.gate.store(&spec_file(&self.dir, spec.account), &spec)?;
            let state = known.map(|record| record.state.clone()).unwrap_or_default();
            changed.push(spec.account);
            replaced.extend(known.into_iter().flat_map(|record| named(&record.spec)).cloned());
            self.records.insert(spec.account, Record { spec: Arc::new(spec), state });
        }
        self.position(|position, accounts| {
            position.cursor = cursor;
            position.accounts = accounts;
        })?;
        self.forget_certificates(replaced)?;
        Ok(changed)
    }

    /// Forgets those of these certificates that no spec names any more. A crash leaves one too many, which the
    /// next start finds.
    fn forget_certificates(&mut self, mut unused: BTreeSet<Fingerprint>) -> io::Result<()> {
        unused.retain(|fingerprint| self.certificates.contains_key(fingerprint));
        if unused.is_empty() {
            return Ok(());
        }
        for fingerprint in self.records.values().flat_map(|record| named(&record.spec)) {
            unused.remove(fingerprint);
        }
        for fingerprint in unused {
            match file::remove(&certificate_file(&self.dir, &fingerprint)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            Arc::make_mut(&mut self.certificates).remove(&fingerprint);
        }
        Ok(())
    }

    /// Notes that an audit that somebody asked for has been acted on.
    ///
    /// # Errors
    /// It could not be written.
    pub fn set_audit(&mut self, audit: u64) -> io::Result<()> {
        self.position(|position, _| position.audit = audit)
    }

    /// The result of a quarantine that was carried out before.
    pub fn quarantine(&self, id: berth_core::id::QuarantineId) -> Option<&QuarantineReport> {
        self.position.quarantines.iter().find(|report| report.id == id)
    }

    /// Remembers the result of a quarantine.
    ///
    /// # Errors
    /// It could not be written.
    pub fn record_quarantine(&mut self, report: QuarantineReport) -> io::Result<()> {
        self.position(|position, _| {
            let excess = (position.quarantines.len() + 1).saturating_sub(QUARANTINES_KEPT);
            position.quarantines.retain(|known| known.id != report.id);
            position.quarantines.drain(..excess.min(position.quarantines.len()));
            position.quarantines.push(report);
        })
    }

    /// The notes about the node as a whole.
    pub fn node_marks(&self) -> Marks {
        self.position.marks.clone()
    }

    /// Stores the notes about the node, if they differ.
    ///
    /// # Errors
    /// They could not be written.
    pub fn set_node_marks(&mut self, marks: Marks) -> io::Result<()> {
        self.position(|position, _| position.marks = marks)
    }

    /// Drift that the server has not confirmed to know, oldest first.
    pub fn drift(&self) -> &[DriftReport] {
        &self.drift
    }

    /// Remembers drift until the server knows of it.
    ///
    /// # Errors
    /// It could not be written.
    pub fn note_drift(&mut self, reports: &[DriftReport]) -> io::Result<()> {
        if reports.is_empty() {
            return Ok(());
        }
        self.drift.extend_from_slice(reports);
        let excess = self.drift.len().saturating_sub(DRIFT_KEPT);
        self.drift.drain(..excess);
        self.gate.store(&self.dir.join(DRIFT), &self.drift)
    }

    /// Forgets drift that the server knows of.
    ///
    /// # Errors
    /// It could not be written; it is reported once more after a restart then.
    pub fn forget_drift(&mut self, known: &[DriftReport]) -> io::Result<()> {
        if known.is_empty() {
            return Ok(());
        }
        self.drift.retain(|report| !known.iter().any(|known| known.id == report.id));
        self.gate.store(&self.dir.join(DRIFT), &self.drift)
    }

    /// The notes of an account.
    pub fn marks(&self, account: AccountId) -> Marks {
        self.records.get(&account).map(|record| record.state.marks.clone()).unwrap_or_default()
    }

    /// Stores the notes of an account, if they differ.
    ///
    /// # Errors
    /// They could not be written.
    pub fn set_marks(&mut self, account: AccountId, marks: Marks) -> io::Result<()> {
        self.state(account, |state| state.marks = marks)
    }

    /// What the server is known to know of an account.
    pub fn reported(&self, account: AccountId) -> Option<&AccountReport> {
        self.records.get(&account)?.state.reported.as_ref()
    }

    /// Notes that the server has a report.
    ///
    /// # Errors
    /// It could not be written.
    pub fn acknowledge(&mut self, report: AccountReport) -> io::Result<()> {
        self.state(report.account, |state| state.reported = Some(report))
    }

    /// Forgets an account of which nothing is left, unless something newer is known of it.
    ///
    /// # Errors
    /// Its files can't be removed; it is reported as gone once more then.
    pub fn forget(&mut self, account: AccountId, generation: u64) -> io::Result<()> {
        if self.records.get(&account).is_none_or(|record| record.spec.generation > generation) {
            return Ok(());
        }
        // Fewer accounts than were counted means lost ones, so the count goes first.
        let left = self.records.len().saturating_sub(1);
        self.position(|position, _| position.accounts = left)?;
        for path in [state_file(&self.dir, account), spec_file(&self.dir, account)] {
            self.gate.remove(&path)?;
        }
        self.records.remove(&account);
        Ok(())
    }

    fn position(&mut self, change: impl FnOnce(&mut Position, usize)) -> io::Result<()> {
        let mut position = self.position.clone();
        change(&mut position, self.records.len());
        if position != self.position {
            self.gate.store(&self.dir.join(POSITION), &position)?;
            self.position = position;
        }
        Ok(())
    }

    fn state(&mut self, account: AccountId, change: impl FnOnce(&mut State)) -> io::Result<()> {
        let Some(record) = self.records.get_mut(&account) else { return Ok(()) };
        let mut state = record.state.clone();
        change(&mut state);
        if state != record.state {
            self.gate.store(&state_file(&self.dir, account), &state)?;
            record.state = state;
        }
        Ok(())
    }
}

const POSITION: &str = "position.json";
const DRIFT: &str = "drift.json";

fn specs(dir: &Path) -> PathBuf {
    dir.join("specs")
}

fn states(dir: &Path) -> PathBuf {
    dir.join("states")
}

fn certificates_dir(dir: &Path) -> PathBuf {
    dir.join("certificates")
}

fn certificate_file(dir: &Path, fingerprint: &Fingerprint) -> PathBuf {
    certificates_dir(dir).join(format!("{fingerprint}.json"))
}

/// The certificates that a spec names.
fn named(spec: &AccountSpec) -> impl Iterator<Item = &Fingerprint> {
    spec.sites.iter().filter_map(|site| site.certificate.as_ref())
}

fn spec_file(dir: &Path, account: AccountId) -> PathBuf {
    specs(dir).join(format!("{account}.json"))
}

fn state_file(dir: &Path, account: AccountId) -> PathBuf {
    states(dir).join(format!("{account}.json"))
}

#[cfg(test)]
mod tests;
