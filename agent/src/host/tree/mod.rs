//! A host that is a directory tree: every file as it would be, every command as it would run.
//!
//! Used by `--render`, by an ordinary user too, and as the host of tests. Owners, modes and access control
//! lists are kept beside the tree, since only root could give them to files.

mod attributes;
mod commands;
mod firewall;
mod quota;
mod systemd;

use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use attributes::AttributeBook;
use commands::Commands;
pub use firewall::TreeFirewall;
pub use quota::TreeQuotas;
pub use systemd::TreeSystemd;

use super::linux::atomic;
use super::{
    AccountLock, Answer, Attributes, Entry, Firewall, Host, HostError, Kind, NewFile, Owner, Program, Quotas,
    Result, Systemd,
};

/// A directory tree in the place of a host.
pub struct TreeHost {
    root: PathBuf,
    attributes: AttributeBook,
    commands: Arc<Commands>,
    quotas: TreeQuotas,
    systemd: TreeSystemd,
    firewall: TreeFirewall,
}

/// The files that a fresh tree has: the users and groups that the package makes on a real host, and the name
/// of the program that PHP is looked for by.
const BASE: &[(&str, &str, u32)] = &[
    (
        "/etc/passwd",
        "root:x:0:0:root:/root:/bin/bash\n\
         berth-web:x:990:990:Berth web server:/nonexistent:/usr/sbin/nologin\n\
         berth-tls:x:991:991:Berth certificates:/nonexistent:/usr/sbin/nologin\n\
         berth-log:x:993:993:Berth logs of sites:/nonexistent:/usr/sbin/nologin\n",
        0o644,
    ),
    (
        "/etc/group",
        "root:x:0:\nberth-web:x:990:\nberth-tls:x:991:\nberth-sftp:x:992:\nberth-log:x:993:\nberth-webuser:x:994:\n",
        0o644,
    ),
    (
        "/etc/shadow",
        "root:*:20000:0:99999:7:::\nberth-web:!*:20000::::::\nberth-tls:!*:20000::::::\nberth-log:!*:20000::::::\n",
        0o640,
    ),
    (
        "/etc/gshadow",
        "root:*::\nberth-web:!*::\nberth-tls:!*::\nberth-sftp:!*::\nberth-log:!*::\nberth-webuser:!*::\n",
        0o640,
    ),
    ("/usr/sbin/php-fpm8.4", "", 0o755),
    ("/sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory pids\n", 0o444),
];

impl TreeHost {
    /// Opens a tree, or starts one.
    ///
    /// # Errors
    /// The directory can't be made or written to.
    pub fn open(root: &Path) -> Result<Self> {
        let failed = |error| HostError::new("open the tree", root.display().to_string(), error);
        fs::create_dir_all(root).map_err(failed)?;
        let attributes = AttributeBook::open(&root.join("attributes.jsonl")).map_err(failed)?;
        let commands = Arc::new(Commands::open(&root.join("commands.log")).map_err(failed)?);
        let quotas = TreeQuotas::open(&root.join("quotas.jsonl")).map_err(failed)?;
        let below = root.join("root");
        let systemd = TreeSystemd::new(below.clone(), Arc::clone(&commands));
        let firewall = TreeFirewall::open(root.to_owned(), Arc::clone(&commands)).map_err(failed)?;
        let tree = Self { root: below, attributes, commands, quotas, systemd, firewall };
        for (path, text, mode) in BASE {
            if tree.read(path)?.is_none() {
                tree.replace_file(path, text.as_bytes(), Owner::ROOT, *mode)?;
            }
        }
        Ok(tree)
    }

    /// How often the tree was changed or a command noted since it was opened.
    pub fn changes(&self) -> u64 {
        self.attributes.changes() + self.commands.count() + self.quotas.changes()
    }

    /// The quotas of the tree, with what a test makes of them.
    pub const fn fake_quotas(&self) -> &TreeQuotas {
        &self.quotas
    }

    /// The service manager of the tree, with what it was asked for.
    pub const fn fake_systemd(&self) -> &TreeSystemd {
        &self.systemd
    }

    /// The packet filter of the tree, with what it holds.
    pub const fn fake_firewall(&self) -> &TreeFirewall {
        &self.firewall
    }

    /// The service manager alone, for a host whose files are elsewhere.
    #[cfg(test)]
    pub(crate) fn into_systemd(self) -> TreeSystemd {
        self.systemd
    }

    /// Where a path of the host is.
    pub fn real(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    fn prepared(&self, path: &str) -> io::Result<PathBuf> {
        let real = self.real(path);
        if let Some(parent) = real.parent() {
            fs::create_dir_all(parent)?;
        }
        Ok(real)
    }
}

fn missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

impl Host for TreeHost {
    fn entry(&self, path: &str) -> Result<Option<Entry>> {
        let real = self.real(path);
        let failed = |error| HostError::new("look at", path, error);
        let metadata = match fs::symlink_metadata(&real) {
            Ok(metadata) => metadata,
            Err(error) if missing(&error) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let kind = if metadata.is_dir() {
            Kind::Directory
        } else if metadata.is_symlink() {
            Kind::Link(fs::read_link(&real).map_err(failed)?.to_string_lossy().into_owned())
        } else if self.attributes.is_socket(path) {
            Kind::Socket
        } else {
            Kind::File
        };
        let attributes = self.attributes.get(path).unwrap_or_else(|| {
            // What somebody else made, in a test or by hand, is root's.
            Attributes::plain(Owner::ROOT, metadata.mode() & 0o7777)
        });
        Ok(Some(Entry {
            kind,
            attributes,
            size: metadata.len(),
            modified: metadata.mtime(),
            identity: (metadata.dev(), metadata.ino()),
        }))
    }

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        match fs::read(self.real(path)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if missing(&error) => Ok(None),
            Err(error) => Err(HostError::new("read", path, error)),
        }
    }

    fn read_at_most(&self, path: &str, max: usize) -> Result<Option<Vec<u8>>> {
        // The user managers of a tree take over at once what was written for them.
        let own = path.strip_prefix("/run/user/").and_then(|rest| rest.strip_suffix("/berth-timers"));
        if let Some(uid) = own
            && self.systemd.unit_state(&format!("user@{uid}.service"))?.is_some()
        {
            return self.read(&format!("/etc/berth/timers/{uid}/berth-timers.target"));
        }
        match self.read(path)? {
            Some(bytes) if bytes.len() > max => Err(HostError::because("read", path, "it is too long")),
            read => Ok(read),
        }
    }

    fn list_at_most(&self, dir: &str, max: usize) -> Result<Vec<String>> {
        let mut names = self.list(dir)?;
        names.truncate(max);
        Ok(names)
    }

    fn list(&self, dir: &str) -> Result<Vec<String>> {
        let failed = |error| HostError::new("list", dir, error);
        let entries = match fs::read_dir(self.real(dir)) {
            Ok(entries) => entries,
            Err(error) if missing(&error) => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            names.push(entry.map_err(failed)?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    fn replace_file(&self, path: &str, bytes: &[u8], owner: Owner, mode: u32) -> Result<()> {
        self.prepared(path)
            .and_then(|real| atomic::replace(&real, bytes, 0o600))
            .and_then(|()| self.attributes.set(path, &Attributes::plain(owner, mode), false))
            .map_err(|error| HostError::new("replace", path, error))
    }

    fn remove_file(&self, path: &str) -> Result<bool> {
        let failed = |error| HostError::new("remove", path, error);
        match fs::remove_file(self.real(path)) {
            Ok(()) => self.attributes.forget(path).map(|()| true).map_err(failed),
            Err(error) if missing(&error) => Ok(false),
            Err(error) => Err(failed(error)),
        }
    }

    fn replace_link(&self, path: &str, target: &str) -> Result<()> {
        self.prepared(path)
            .and_then(|real| {
                let temporary = real.with_file_name(".berth-tmp-link");
                match fs::remove_file(&temporary) {
                    Err(error) if !missing(&error) => return Err(error),
                    _ => {}
                }
                std::os::unix::fs::symlink(target, &temporary)?;
                fs::rename(&temporary, &real)
            })
            .and_then(|()| self.attributes.set(path, &Attributes::plain(Owner::ROOT, 0o777), false))
            .map_err(|error| HostError::new("link", path, error))
    }

    fn make_dir(&self, path: &str, attributes: &Attributes, files: &[NewFile<'_>]) -> Result<()> {
        let failed = |error| HostError::new("make directory", path, error);
        let real = self.prepared(path).map_err(failed)?;
        if fs::symlink_metadata(&real).is_ok() {
            return Err(failed(io::Error::from(io::ErrorKind::AlreadyExists)));
        }
        let name = real.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let temporary = real.with_file_name(format!(".berth-tmp-{name}"));
        let made = || {
            if temporary.exists() {
                fs::remove_dir_all(&temporary)?;
            }
            fs::create_dir(&temporary)?;
            for file in files {
                atomic::replace(&temporary.join(file.name), file.bytes, 0o600)?;
                let name = format!("{path}/{}", file.name);
                self.attributes.set(&name, &Attributes::plain(file.owner, file.mode), false)?;
            }
            self.attributes.set(path, attributes, false)?;
            fs::rename(&temporary, &real)
        };
        made().map_err(failed)
    }

    fn make_volume(&self, path: &str, attributes: &Attributes) -> Result<()> {
        self.make_dir(path, attributes, &[])
    }

    fn remove_dir(&self, path: &str) -> Result<bool> {
        let failed = |error| HostError::new("remove directory", path, error);
        match fs::remove_dir(self.real(path)) {
            Ok(()) => self.attributes.forget(path).map(|()| true).map_err(failed),
            Err(error) if missing(&error) => Ok(false),
            Err(error) => Err(failed(error)),
        }
    }

    fn remove_tree(&self, path: &str) -> Result<bool> {
        let failed = |error| HostError::new("remove all of", path, error);
        match fs::remove_dir_all(self.real(path)) {
            Ok(()) => self.attributes.forget_below(path).map(|()| true).map_err(failed),
            Err(error) if missing(&error) => Ok(false),
            Err(error) => Err(failed(error)),
        }
    }

    fn set_attributes(&self, path: &str, attributes: &Attributes) -> Result<()> {
        let failed = |error| HostError::new("set owner and permissions of", path, error);
        let metadata = fs::symlink_metadata(self.real(path)).map_err(failed)?;
        if metadata.is_symlink() {
            return Err(failed(io::Error::other("it is a link")));
        }
        self.attributes.set(path, attributes, false).map_err(failed)
    }

    fn move_dir(&self, from: &str, to: &str) -> Result<()> {
        let failed = |error| HostError::new("move", format!("{from} to {to}"), error);
        let target = self.prepared(to).map_err(failed)?;
        if fs::symlink_metadata(&target).is_ok() {
            return Err(failed(io::Error::from(io::ErrorKind::AlreadyExists)));
        }
        let source = self.real(from);
        if !fs::symlink_metadata(&source).map_err(failed)?.is_dir() {
            return Err(failed(io::Error::other("it is not a directory")));
        }
        fs::rename(source, target).map_err(failed)?;
        self.attributes.rename(from, to).map_err(failed)
    }

    fn lock_account_files(&self) -> Result<AccountLock> {
        Ok(AccountLock::new(None))
    }

    fn replace_account_file(&self, _lock: &AccountLock, path: &str, bytes: &[u8]) -> Result<()> {
        let attributes = self.entry(path)?.map(|entry| entry.attributes);
        let Attributes { owner, mode, .. } =
            attributes.unwrap_or_else(|| Attributes::plain(Owner::ROOT, 0o644));
        if let Some(former) = self.read(path)? {
            self.replace_file(&format!("{path}-"), &former, owner, mode)?;
        }
        self.replace_file(path, bytes, owner, mode)
    }

    fn bind_socket(&self, path: &str, owner: Owner, mode: u32) -> Result<OwnedFd> {
        // The tree may lie deeper than a socket's address can say, and nobody connects to it: a listener
        // without a path stands for the real one, a file for its name.
        self.prepared(path)
            .and_then(|real| atomic::replace(&real, b"", 0o600))
            .and_then(|()| self.attributes.set(path, &Attributes::plain(owner, mode), true))
            .and_then(|()| listener())
            .map_err(|error| HostError::new("bind", path, error))
    }

    fn run(&self, program: Program) -> Result<Answer> {
        self.commands.note(&program.argv().join(" "))?;
        Ok(Answer { success: true, said: String::new() })
    }

    fn quotas(&self) -> &dyn Quotas {
        &self.quotas
    }

    fn firewall(&self) -> &dyn Firewall {
        &self.firewall
    }

    fn systemd(&self) -> &dyn Systemd {
        &self.systemd
    }
}

fn listener() -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::net::bind(&socket, &SocketAddrUnix::new_unnamed())?;
    rustix::net::listen(&socket, 1)?;
    Ok(socket)
}
