//! Files of this host that the command line itself reads and writes.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

/// A user and group by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// Writes a file at once or not at all, with these permissions from its first byte on.
pub(crate) fn replace(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    replace_as(path, content, mode, None)
}

/// The same for a file that belongs to somebody else.
pub(crate) fn replace_as(path: &Path, content: &[u8], mode: u32, owner: Option<Owner>) -> io::Result<()> {
    let mut draft = Draft::create(path, owner)?;
    draft.file.write_all(content)?;
    draft.publish(mode)
}

/// A file beside its place, not yet visible there. Goes away unless it is published.
pub(crate) struct Draft {
    pub(crate) file: File,
    path: PathBuf,
    place: PathBuf,
    published: bool,
}

impl Draft {
    /// Starts a file that nobody else can read.
    pub(crate) fn create(place: &Path, owner: Option<Owner>) -> io::Result<Self> {
        let draft = place.with_added_extension(format!("{}.draft", std::process::id()));
        // A draft of a process that died is in the way of nobody but one with the same number.
        match std::fs::remove_file(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&draft)?;
        if let Some(owner) = owner {
            fchown(&file, Some(owner.uid), Some(owner.gid))?;
        }
        Ok(Self { file, path: draft, place: place.to_owned(), published: false })
    }

    /// Puts the file at its place.
    pub(crate) fn publish(mut self, mode: u32) -> io::Result<()> {
        use std::os::unix::fs::PermissionsExt;
        self.file.set_permissions(std::fs::Permissions::from_mode(mode))?;
        self.file.sync_all()?;
        std::fs::rename(&self.path, &self.place)?;
        self.published = true;
        sync_parent(&self.place)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.published {
            // Nothing refers to the draft, so failing to remove it is harmless.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

/// Makes a directory with these permissions and owner, or gives them to one that is there.
pub(crate) fn directory(path: &Path, mode: u32, owner: Option<Owner>) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    match std::fs::DirBuilder::new().mode(mode).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    // Opened without following a link, so that what is changed is the directory of this name.
    let handle = OpenOptions::new()
        .read(true)
        .custom_flags(
            rustix::fs::OFlags::NOFOLLOW.bits().cast_signed()
                | rustix::fs::OFlags::DIRECTORY.bits().cast_signed(),
        )
        .open(path)?;
    if let Some(owner) = owner {
        fchown(&handle, Some(owner.uid), Some(owner.gid))?;
    }
    handle.set_permissions(std::fs::Permissions::from_mode(mode))
}

/// Names and numbers of the users and groups of this host, as its files list them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Accounts {
    users: Vec<(String, Owner)>,
    groups: Vec<(String, u32)>,
}

impl Accounts {
    pub(crate) fn load() -> io::Result<Self> {
        Ok(Self::parse(&std::fs::read_to_string("/etc/passwd")?, &std::fs::read_to_string("/etc/group")?))
    }

    pub(crate) fn parse(passwd: &str, group: &str) -> Self {
        let users = passwd.lines().filter_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?.to_owned();
            let uid = fields.nth(1)?.parse().ok()?;
            let gid = fields.next()?.parse().ok()?;
            Some((name, Owner { uid, gid }))
        });
        let groups = group.lines().filter_map(|line| {
            let mut fields = line.split(':');
            Some((fields.next()?.to_owned(), fields.nth(1)?.parse().ok()?))
        });
        Self { users: users.collect(), groups: groups.collect() }
    }

    /// The user of this name with their main group.
    pub(crate) fn user(&self, name: &str) -> Option<Owner> {
        self.users.iter().find(|(known, _)| known == name).map(|(_, owner)| *owner)
    }

    /// The number of a group.
    pub(crate) fn group(&self, name: &str) -> Option<u32> {
        self.groups.iter().find(|(known, _)| known == name).map(|(_, gid)| *gid)
    }

    /// The name of a user.
    pub(crate) fn user_name(&self, uid: u32) -> Option<&str> {
        self.users.iter().find(|(_, owner)| owner.uid == uid).map(|(name, _)| name.as_str())
    }

    /// The name of a group.
    pub(crate) fn group_name(&self, gid: u32) -> Option<&str> {
        self.groups.iter().find(|(_, known)| *known == gid).map(|(name, _)| name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_appears_whole_with_its_mode_and_leaves_nothing_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        replace(&path, b"one", 0o600).unwrap();
        replace(&path, b"two", 0o640).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o640);
        drop(Draft::create(&path, None).unwrap());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn accounts_by_name_and_number() {
        let accounts = Accounts::parse(
            "root:x:0:0:root:/root:/bin/bash\nberth:x:991:990::/:/usr/sbin/nologin\nbroken\n",
            "root:x:0:\nberth:x:990:\nberth-web:x:989:\n",
        );
        assert_eq!(accounts.user("berth"), Some(Owner { uid: 991, gid: 990 }));
        assert_eq!(accounts.group("berth-web"), Some(989));
        assert_eq!(accounts.user_name(991), Some("berth"));
        assert_eq!(accounts.group_name(1), None);
        assert_eq!(accounts.user("broken"), None);
    }

    #[test]
    fn a_directory_is_not_reached_through_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(dir.path(), &link).unwrap();
        assert!(directory(&link, 0o700, None).is_err());
        let made = dir.path().join("made");
        directory(&made, 0o750, None).unwrap();
        directory(&made, 0o700, None).unwrap();
        assert_eq!(std::fs::metadata(&made).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
