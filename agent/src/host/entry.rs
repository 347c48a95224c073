//! What there is at a path.

use super::Acl;

/// User and group that something belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Owner {
    /// The user's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
}

impl Owner {
    /// Root and its group.
    pub const ROOT: Self = Self { uid: 0, gid: 0 };

    /// Root with another group.
    pub const fn root_with(gid: u32) -> Self {
        Self { uid: 0, gid }
    }

    /// A tenant: user and group have the same number.
    pub const fn tenant(uid: u32) -> Self {
        Self { uid, gid: uid }
    }
}

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.uid, self.gid)
    }
}

/// What something shall be like.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Attributes {
    /// Whose it is.
    pub owner: Owner,
    /// Permission bits. With an ACL the group's bits are those of the ACL's mask.
    pub mode: u32,
    /// Users who may pass beside owner, group and others.
    #[serde(default, skip_serializing_if = "Acl::is_empty")]
    pub acl: Acl,
}

impl Attributes {
    /// Plain permissions.
    pub const fn plain(owner: Owner, mode: u32) -> Self {
        Self { owner, mode, acl: Acl::NONE }
    }
}

/// Kind of a directory entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A link and where it points.
    Link(String),
    /// A Unix socket.
    Socket,
    /// A device or a FIFO.
    Other,
}

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What kind it is.
    pub kind: Kind,
    /// Owner, mode and ACL.
    pub attributes: Attributes,
    /// Size in bytes.
    pub size: u64,
    /// When its content was last written, in seconds since 1970. A tenant can set it to anything.
    pub modified: i64,
    /// Identity of the file: device and inode.
    pub identity: (u64, u64),
}

impl Entry {
    /// Whether it is a directory.
    pub fn is_dir(&self) -> bool {
        self.kind == Kind::Directory
    }

    /// Whether it is a regular file.
    pub fn is_file(&self) -> bool {
        self.kind == Kind::File
    }
}
