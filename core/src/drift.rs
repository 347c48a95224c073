//! Drift: what somebody else changed on a node, as found and put right by its agent.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::condition::Resource;
use crate::id::{AccountId, DriftId};
use crate::{Code, Parse, Problem};

/// Longest text of [`DriftReport::found`] and [`DriftReport::made`], in bytes; what is longer is cut.
pub const SHOWN_MAX: usize = 4_096;

/// Something that was as Berth had made it, was then changed by somebody else, and is as it was again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DriftReport {
    /// Tells it from every other one, also when it is sent twice.
    pub id: DriftId,
    /// The account that it concerns; none for what all accounts share.
    pub account: Option<AccountId>,
    /// The part that put it right; none for what belongs to no part of an account.
    pub resource: Option<Resource>,
    /// The thing, such as a path or `membership in berth-sftp`.
    pub object: String,
    /// How it was found; `None` if it was not there at all.
    pub found: Option<String>,
    /// How it is now; `None` if it was taken away.
    pub made: Option<String>,
    /// When it was found.
    pub seen_at: DateTime<Utc>,
    /// When it was last seen to be right, if that was in the same run of the agent.
    pub right_at: Option<DateTime<Utc>>,
    /// Who has probably done it.
    pub cause: Cause,
    /// What that guess rests on.
    pub evidence: String,
}

/// Who has probably changed something. A guess from what the host shows; nothing rests on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The package manager ran since the thing was last right.
    PackageUpgrade,
    /// Somebody works, or has worked since, in a shell as root.
    RootShell,
    /// Nothing on the host says.
    Unknown,
}

impl Cause {
    /// Every cause.
    pub const ALL: &'static [Self] = &[Self::PackageUpgrade, Self::RootShell, Self::Unknown];

    /// The word in output and database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PackageUpgrade => "package_upgrade",
            Self::RootShell => "root_shell",
            Self::Unknown => "unknown",
        }
    }
}

impl Parse for Cause {
    fn parse(text: &str) -> Result<Self, Problem> {
        Self::ALL.iter().copied().find(|cause| cause.as_str() == text).ok_or_else(|| {
            Problem::new(
                Code::ValueInvalid,
                format!("`{}` is not a cause of drift", crate::name::shown(text)),
            )
        })
    }
}

/// What has become of a drift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DriftState {
    /// The agent has put it right, and nobody has looked at it yet.
    Repaired,
    /// Somebody has taken over what was found.
    Adopted,
    /// Somebody has decided that it stays as Berth has it.
    Reverted,
}

impl DriftState {
    /// Every state.
    pub const ALL: &'static [Self] = &[Self::Repaired, Self::Adopted, Self::Reverted];

    /// The word in output and database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Repaired => "repaired",
            Self::Adopted => "adopted",
            Self::Reverted => "reverted",
        }
    }
}

impl Parse for DriftState {
    fn parse(text: &str) -> Result<Self, Problem> {
        Self::ALL.iter().copied().find(|state| state.as_str() == text).ok_or_else(|| {
            Problem::new(
                Code::ValueInvalid,
                format!("`{}` is not a state of drift", crate::name::shown(text)),
            )
            .hint("use repaired, adopted or reverted")
        })
    }
}
