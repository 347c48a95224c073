//! Bringing back.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use berth_core::{Code, Problem};
use berth_server::config::{self, Config};
use serde::Serialize;

use super::archive::{self, Manifest, Part};
use super::save::said;
use super::{database, part, taken};
use crate::failure::Failure;
use crate::files::{self, Accounts, Owner};
use crate::process;

/// What was brought back.
#[derive(Debug, Serialize)]
pub(crate) struct Restored {
    /// Version of the program that wrote the backup.
    pub(crate) version: String,
    /// When it was written.
    pub(crate) created_at: String,
    /// How many files besides the database.
    pub(crate) files: usize,
}

/// What to do it with.
pub(crate) struct Target<'a> {
    pub(crate) config_file: &'a Path,
    pub(crate) sites: &'a Path,
    /// Replace an installation that is there.
    pub(crate) replace: bool,
    /// The user of the server, if it is another one than the caller.
    pub(crate) owner: Option<Owner>,
    /// What this host's agent remembers, if it has one.
    pub(crate) ledger: Option<&'a Path>,
}

/// Checks the whole backup, then brings it back. The services must not run.
pub(crate) async fn restore(from: &Path, target: &Target<'_>) -> Result<(Restored, Config), Failure> {
    let present = current(target.config_file)?;
    refuse_running(&present)?;
    if !target.replace {
        refuse_present(&present)?;
    }
    let staging = Staging::create(&present)?;
    let opened = File::open(from).map_err(|error| {
        Failure::usage(format!("cannot read {}: {error}", from.display()), "name a backup")
    })?;
    let (manifest, parts) = archive::read(opened, &staging.0).map_err(|error| refused(from, &error))?;
    let accounts =
        Accounts::load().map_err(|error| Failure::local("cannot read the account files", error))?;
    let owners = owners(&manifest, &accounts, target.owner.is_some())?;

    // The backup's own configuration says where everything goes. It is read from a place where the server's
    // user can read it as well.
    let staged = staging.0.join("config");
    if let Some(text) = parts.get(part::CONFIGURATION) {
        let group = target.owner.map(|owner| Owner { uid: 0, gid: owner.gid });
        let bytes = std::fs::read(text).map_err(|error| Failure::local("cannot read the backup", error))?;
        files::replace_as(&staged, &bytes, 0o640, group)
            .map_err(|error| Failure::local("cannot unpack the configuration", error))?;
    } else {
        files::replace(&staged, b"", 0o644)
            .map_err(|error| Failure::local("cannot unpack the configuration", error))?;
    }
    let config =
        Config::load(&staged).map_err(|error| Failure::usage(error.to_string(), "mend the backup"))?;
    refuse_running(&config)?;
    if !target.replace {
        refuse_present(&config)?;
    }
    let dump = parts.get(part::DATABASE).ok_or_else(|| damaged(from, "it holds no database"))?;
    let aside = Aside::put(&config)?;
    import(&config, &staged, dump, target.owner).await?;
    put_files(&manifest, &parts, &owners, &config, target)?;
    aside.keep();
    if let Some(ledger) = target.ledger {
        forget(ledger)
            .map_err(|error| Failure::local(format!("cannot move {} aside", ledger.display()), error))?;
    }
    let restored = Restored {
        version: manifest.version,
        created_at: manifest.created_at,
        files: parts.len().saturating_sub(1),
    };
    Ok((restored, config))
}

/// The configuration that is there, or the defaults.
fn current(config_file: &Path) -> Result<Config, Failure> {
    if config_file.exists() || config_file == Path::new(config::PATH) {
        Config::load(config_file).map_err(|error| Failure::usage(error.to_string(), "mend the file"))
    } else {
        Ok(Config::default())
    }
}

fn refuse_running(config: &Config) -> Result<(), Failure> {
    if crate::setup::is_answering(config) {
        return Err(Problem::new(Code::PreconditionFailed, "the server is running")
            .hint("stop it first: systemctl stop berth berth-agent")
            .into());
    }
    Ok(())
}

fn refuse_present(config: &Config) -> Result<(), Failure> {
    let database = database::sqlite_file(config);
    for path in std::iter::once(&config.keyring).chain(&database) {
        if path.exists() {
            return Err(Problem::new(
                Code::PreconditionFailed,
                format!("there is an installation already: {}", path.display()),
            )
            .hint("restore onto a new host before `berth setup`, or give up what is here with --replace")
            .into());
        }
    }
    Ok(())
}

fn refused(from: &Path, error: &archive::ArchiveError) -> Failure {
    let mut what = error.to_string();
    if let Some(cause) = std::error::Error::source(error) {
        what = format!("{what}: {cause}");
    }
    damaged(from, &what)
}

fn damaged(from: &Path, what: &str) -> Failure {
    Problem::new(Code::ValueInvalid, format!("{}: {what}", from.display()))
        .hint("nothing has been changed; take another backup")
        .into()
}

/// Every name that files belong to, as a number of this host. Without root everything belongs to the caller.
fn owners(
    manifest: &Manifest,
    accounts: &Accounts,
    switch: bool,
) -> Result<BTreeMap<String, Option<Owner>>, Failure> {
    let unknown = |kind: &str, name: &str| {
        Failure::from(
            Problem::new(
                Code::PreconditionFailed,
                format!("this host has no {kind} `{}`", crate::output::clean(name)),
            )
            .hint("install the Debian package first, which makes it"),
        )
    };
    let number = |part: &Part| -> Result<Option<Owner>, Failure> {
        let (Some(user), Some(group), true) = (&part.user, &part.group, switch) else { return Ok(None) };
        let uid = accounts.user(user).ok_or_else(|| unknown("user", user))?.uid;
        let gid = accounts.group(group).ok_or_else(|| unknown("group", group))?;
        Ok(Some(Owner { uid, gid }))
    };
    manifest.parts.iter().map(|(name, part)| Ok((name.clone(), number(part)?))).collect()
}

async fn import(
    config: &Config,
    config_file: &Path,
    dump: &Path,
    owner: Option<Owner>,
) -> Result<(), Failure> {
    let cannot = |error: std::io::Error| Failure::local("cannot bring back the database", error);
    let Some(owner) = owner else {
        let file = tokio::fs::File::open(dump).await.map_err(cannot)?;
        return database::import_from(config, tokio::io::BufReader::new(file), taken::on_this_host()).await;
    };
    if let Some(dir) = database::sqlite_file(config).as_deref().and_then(Path::parent)
        && !dir.exists()
    {
        files::directory(dir, 0o700, Some(owner)).map_err(cannot)?;
    }
    let config_file = config_file.to_string_lossy();
    let arguments = ["--json", "--config", &config_file, "internal", "import"];
    let input = File::open(dump).map_err(cannot)?;
    let output = process::run_self_as(owner, &arguments, input.into(), Stdio::piped()).map_err(cannot)?;
    if output.status.success() { Ok(()) } else { Err(said(&output.stdout, output.status)) }
}

fn put_files(
    manifest: &Manifest,
    parts: &BTreeMap<String, PathBuf>,
    owners: &BTreeMap<String, Option<Owner>>,
    config: &Config,
    target: &Target<'_>,
) -> Result<(), Failure> {
    for (name, staged) in parts {
        let place = match name.as_str() {
            part::DATABASE => continue,
            part::KEYRING => config.keyring.clone(),
            part::CONFIGURATION => target.config_file.to_owned(),
            part::PANEL_CERTIFICATE => config.tls.certificate.clone(),
            part::PANEL_KEY => config.tls.key.clone(),
            other => target.sites.join(other.trim_start_matches(part::SITES)),
        };
        let cannot =
            |error: std::io::Error| Failure::local(format!("cannot write {}", place.display()), error);
        if let Some(dir) = place.parent()
            && !dir.exists()
        {
            // Directories with modes of their own come with the package; what is left is private.
            files::directory(dir, 0o700, target.owner).map_err(cannot)?;
        }
        let bytes = std::fs::read(staged).map_err(cannot)?;
        let mode = manifest.parts.get(name).map_or(0o600, |part| part.mode & 0o777);
        files::replace_as(&place, &bytes, mode, owners.get(name).copied().flatten()).map_err(cannot)?;
    }
    Ok(())
}

/// Puts aside what the agent remembers. It would not go back to the older state of its accounts that the
/// restored database holds; an agent that remembers nothing asks for everything.
fn forget(ledger: &Path) -> std::io::Result<()> {
    let aside = ledger.with_added_extension("before-restore");
    match std::fs::remove_dir_all(&aside) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    match std::fs::rename(ledger, &aside) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    files::directory(ledger, 0o700, None)
}

/// A directory for what is unpacked, which goes away in the end. The server's user may pass through it, to read
/// the one file that is for it.
struct Staging(PathBuf);

impl Staging {
    fn create(config: &Config) -> Result<Self, Failure> {
        let data = config.tls.key.parent().and_then(Path::parent).filter(|dir| dir.is_dir());
        let dir = data.unwrap_or(Path::new("/var/tmp")).join(format!(".restore-{}", std::process::id()));
        std::fs::DirBuilder::new()
            .mode(0o711)
            .create(&dir)
            .map_err(|error| Failure::local(format!("cannot make {}", dir.display()), error))?;
        Ok(Self(dir))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // What is left holds secrets, but only in files of the caller's own.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The embedded database that was there, put aside until the new one is in its place. It stays, so that
/// `--replace` destroys nothing.
struct Aside {
    moved: Vec<(PathBuf, PathBuf)>,
}

impl Aside {
    fn put(config: &Config) -> Result<Self, Failure> {
        let mut aside = Self { moved: Vec::new() };
        let Some(file) = database::sqlite_file(config) else { return Ok(aside) };
        for suffix in ["", "-wal", "-shm"] {
            let mut name = file.clone().into_os_string();
            name.push(suffix);
            let from = PathBuf::from(name);
            let to = from.with_added_extension("before-restore");
            match std::fs::rename(&from, &to) {
                Ok(()) => aside.moved.push((from, to)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(Failure::local(format!("cannot move {}", from.display()), error)),
            }
        }
        Ok(aside)
    }

    fn keep(mut self) {
        self.moved.clear();
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        for (from, to) in &self.moved {
            // If moving back fails, the old database is still there under its other name.
            let _ = std::fs::rename(to, from);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::save;
    use super::*;
    use crate::setup::{Wish, render};

    fn exit(result: Result<(Restored, Config), Failure>) -> u8 {
        result.map(|_| ()).unwrap_err().exit as u8
    }

    async fn dumped(config: &Config) -> String {
        let (mut reader, writer) = tokio::io::duplex(1 << 20);
        database::export_to(config, writer).await.unwrap();
        let mut text = String::new();
        tokio::io::AsyncReadExt::read_to_string(&mut reader, &mut text).await.unwrap();
        text
    }

    #[tokio::test]
    async fn what_was_saved_comes_back_with_its_modes_and_nothing_is_overwritten_unasked() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("host");
        let sites = dir.path().join("tls");
        let ledger = dir.path().join("agent");
        let file = dir.path().join("saved");
        let wish =
            Wish { admin_email: Some("a@example.com".to_owned()), hostname: Some("localhost".to_owned()) };
        render(&place, &wish).await.unwrap();
        let config_file = place.join("berth.toml");
        let config = Config::load(&config_file).unwrap();
        files::directory(&sites, 0o750, None).unwrap();
        files::directory(&ledger, 0o700, None).unwrap();
        files::replace(&ledger.join("spec"), b"newer", 0o600).unwrap();
        files::replace(&sites.join("a.example.key"), b"private", 0o640).unwrap();
        files::replace(&sites.join("notes.txt"), b"foreign", 0o644).unwrap();
        let before = dumped(&config).await;

        let saved = save(&config_file, &sites, &file).await.unwrap();
        assert_eq!(saved.site_files, 1);
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 4, "nothing is left beside it");

        let target = |replace| Target {
            config_file: &config_file,
            sites: &sites,
            replace,
            owner: None,
            ledger: Some(&ledger),
        };
        assert_eq!(exit(restore(&file, &target(false)).await), 4, "an installation is there");
        assert_eq!(dumped(&config).await, before);

        let keyring = std::fs::read(&config.keyring).unwrap();
        files::replace(&config.keyring, b"another", 0o600).unwrap();
        std::fs::remove_file(sites.join("a.example.key")).unwrap();
        let whole = std::fs::read(&file).unwrap();
        files::replace(&dir.path().join("cut"), &whole[..whole.len() / 2], 0o600).unwrap();
        assert_eq!(exit(restore(&dir.path().join("cut"), &target(true)).await), 3, "half a backup");
        assert_eq!(dumped(&config).await, before, "a damaged backup changes nothing");
        assert_eq!(std::fs::read(&config.keyring).unwrap(), b"another");

        let (restored, _) = restore(&file, &target(true)).await.unwrap();
        assert_eq!(restored.version, env!("CARGO_PKG_VERSION"));
        assert_eq!(dumped(&config).await, before);
        assert_eq!(std::fs::read(&config.keyring).unwrap(), keyring);
        let key = sites.join("a.example.key");
        assert_eq!(std::fs::read(&key).unwrap(), b"private");
        assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(!ledger.join("spec").exists() && ledger.is_dir());
        assert!(dir.path().join("agent.before-restore/spec").exists());
        let old = database::sqlite_file(&config).unwrap().with_added_extension("before-restore");
        assert!(old.exists(), "the database that was there is kept");

        // While the server runs, nothing is touched.
        let _server = std::os::unix::net::UnixListener::bind(&config.listen.operator).unwrap();
        assert_eq!(exit(restore(&file, &target(true)).await), 4);
    }
}
