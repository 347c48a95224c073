//! How much of the disk an account may use, as the file system of the homes keeps it.

use super::Result;

/// Quotas of the file system that holds a path.
pub trait Quotas: Send + Sync {
    /// The quota of the account whose home this is. The home exists.
    fn quota(&self, home: &str, uid: u32) -> Result<Reading>;

    /// Limits what the account whose home this is may use.
    fn set_quota(&self, home: &str, uid: u32, limits: QuotaLimits) -> Result<()>;

    /// Has every volume that a tenant has made inside a home count in the quota of that home, and in no other
    /// one's. Looks at the volumes whose number is above `newer_than` only: numbers rise. Where there are no
    /// such volumes, it does nothing.
    fn adopt_volumes(&self, homes: &str, newer_than: u64) -> Result<Adoptions>;
}

/// What there is of a quota.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// The file system keeps it.
    Kept(Quota),
    /// The file system does not keep any, for this home at least.
    Lacking(Lacking),
}

/// A quota as the kernel has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// What keeps it.
    pub mechanism: Mechanism,
    /// What may be used; `None` if the account has no record yet.
    pub limits: Option<QuotaLimits>,
    /// Bytes in use.
    pub used_bytes: u64,
    /// Files and directories in use, where the file system counts them.
    pub used_inodes: Option<u64>,
}

impl Quota {
    /// Whether it limits what is wanted, as far as the file system can.
    pub fn agrees_with(&self, wanted: QuotaLimits) -> bool {
        self.limits.is_some_and(|limits| {
            limits.bytes == wanted.bytes
                && (limits.inodes == wanted.inodes || !self.mechanism.counts_inodes())
        })
    }
}

/// Upper bounds; `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct QuotaLimits {
    /// Bytes.
    pub bytes: Option<u64>,
    /// Files and directories.
    pub inodes: Option<u64>,
}

/// What keeps a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// What belongs to a user, on ext4 and xfs.
    UserQuota,
    /// A group of volumes on btrfs, each counted by who wrote.
    SimpleQuota,
    /// A group of volumes on btrfs, each counted by what it refers to.
    QuotaGroups,
}

impl Mechanism {
    /// The words in output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UserQuota => "user quota",
            Self::SimpleQuota => "btrfs simple quota",
            Self::QuotaGroups => "btrfs quota groups",
        }
    }

    /// Whether it counts files and directories.
    pub const fn counts_inodes(self) -> bool {
        matches!(self, Self::UserQuota)
    }
}

/// Why there is no quota.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lacking {
    /// What was seen: mount point, file system and options.
    pub detail: String,
    /// How to mend it.
    pub hint: String,
}

/// What a look at volumes brought about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Adoptions {
    /// Number of the newest volume.
    pub newest: u64,
    /// Volumes that count elsewhere now.
    pub adopted: Vec<Adoption>,
}

/// A volume that counts elsewhere now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adoption {
    /// Number of the volume.
    pub volume: u64,
    /// The account in whose home it lies, and in whose quota it counts now.
    pub uid: u32,
    /// Other accounts in whose quotas it counted before.
    pub formerly: Vec<u32>,
}
