//! Saving.

use std::io::{BufWriter, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use berth_server::clock::{Clock, SystemClock};
use berth_server::config::Config;
use chrono::SecondsFormat;
use serde::Serialize;

use super::archive::{self, Content, Source};
use super::{database, part};
use crate::failure::{Document, Failure};
use crate::files::{Accounts, Draft, Owner};
use crate::process;

/// What was saved.
#[derive(Debug, Serialize)]
pub(crate) struct Saved {
    pub(crate) file: String,
    pub(crate) bytes: u64,
    /// Certificates and keys of sites.
    pub(crate) site_files: usize,
}

/// Saves everything that can't be made anew into one file that only its owner may read. The server may run.
pub(crate) async fn save(config_file: &Path, sites: &Path, to: &Path) -> Result<Saved, Failure> {
    let config =
        Config::load(config_file).map_err(|error| Failure::usage(error.to_string(), "mend the file"))?;
    let cannot = |path: &Path| {
        let path = path.to_owned();
        move |error: std::io::Error| Failure::local(format!("cannot write {}", path.display()), error)
    };
    let accounts = Accounts::load().unwrap_or_default();
    let mut sources = Vec::new();
    for (name, path) in [
        (part::KEYRING, config.keyring.as_path()),
        (part::CONFIGURATION, config_file),
        (part::PANEL_CERTIFICATE, &config.tls.certificate),
        (part::PANEL_KEY, &config.tls.key),
    ] {
        match source(name, path, &accounts) {
            // The configuration may be nothing but defaults; the panel's certificate can be made again.
            Err((_, error)) if name != part::KEYRING && error.kind() == std::io::ErrorKind::NotFound => {}
            Err((path, error)) => {
                return Err(Failure::local(format!("cannot read {}", path.display()), error));
            }
            Ok(source) => sources.push(source),
        }
    }
    let names = site_files(sites)
        .map_err(|error| Failure::local(format!("cannot list {}", sites.display()), error))?;
    let site_files = names.len();
    for name in names {
        let whole = format!("{}{name}", part::SITES);
        let source = source(&whole, &sites.join(&name), &accounts)
            .map_err(|(path, error)| Failure::local(format!("cannot read {}", path.display()), error))?;
        sources.push(source);
    }
    // The database last: what it names is in the archive then, or came after the backup began.
    let dump = to.with_added_extension("database");
    let dump = Draft::create(&dump, None).map_err(cannot(&dump))?;
    export(&config, config_file, &dump).await?;
    let content = Content::Disk(dump.file.try_clone().map_err(cannot(to))?);
    sources.push(Source { name: part::DATABASE.to_owned(), content, mode: 0o600, user: None, group: None });

    let draft = Draft::create(to, None).map_err(cannot(to))?;
    let created_at = SystemClock.now().to_rfc3339_opts(SecondsFormat::Secs, true);
    let mut writer = BufWriter::new(&draft.file);
    archive::write(&mut writer, env!("CARGO_PKG_VERSION"), created_at, sources).map_err(cannot(to))?;
    writer.flush().map_err(cannot(to))?;
    drop(writer);
    let bytes = draft.file.metadata().map_err(cannot(to))?.size();
    draft.publish(0o600).map_err(cannot(to))?;
    Ok(Saved { file: to.display().to_string(), bytes, site_files })
}

/// Names of certificates and keys. A host that serves no site over TLS has none.
fn site_files(dir: &Path) -> std::io::Result<Vec<String>> {
    let entries = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if part::is_site_file(&name) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn source(name: &str, path: &Path, accounts: &Accounts) -> Result<Source, (PathBuf, std::io::Error)> {
    let read = || {
        let bytes = std::fs::read(path)?;
        let metadata = std::fs::metadata(path)?;
        Ok(Source {
            name: name.to_owned(),
            content: Content::Memory(bytes),
            mode: metadata.mode() & 0o777,
            user: accounts.user_name(metadata.uid()).map(str::to_owned),
            group: accounts.group_name(metadata.gid()).map(str::to_owned),
        })
    };
    read().map_err(|error| (path.to_owned(), error))
}

/// Has the database written into a file by the server's user: whoever opens an embedded database may create
/// files beside it, and these must not belong to root.
async fn export(config: &Config, config_file: &Path, dump: &Draft) -> Result<(), Failure> {
    let cannot = |error: std::io::Error| Failure::local("cannot save the database", error);
    let target = dump.file.try_clone().map_err(cannot)?;
    let Some(owner) = other_owner(config) else {
        return database::export_to(config, tokio::fs::File::from_std(target)).await;
    };
    let config_file = config_file.to_string_lossy();
    let arguments = ["--config", &config_file, "internal", "export"];
    let output = process::run_self_as(owner, &arguments, Stdio::null(), target.into()).map_err(cannot)?;
    if output.status.success() {
        return Ok(());
    }
    Err(Failure::local("cannot save the database", output.status))
}

/// The user of the server, if root is asking and it is another one. It owns the keyring.
pub(super) fn other_owner(config: &Config) -> Option<Owner> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let metadata = std::fs::metadata(&config.keyring).ok()?;
    (metadata.uid() != 0).then(|| Owner { uid: metadata.uid(), gid: metadata.gid() })
}

/// What a process of ours said when it failed.
pub(super) fn said(stdout: &[u8], status: std::process::ExitStatus) -> Failure {
    match serde_json::from_slice::<Document>(stdout) {
        Ok(document) => Failure::told(document),
        Err(_) => Failure::local("the part that writes the database failed", status),
    }
}
