//! Accounts: numeric ids and their range.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Code, Problem};

/// The numeric user id of an account, which is its group id as well. Comes from the database, is explicit
/// everywhere and never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "u32", into = "u32")]
#[schema(value_type = u32, example = 1_900_000_001)]
pub struct Uid(u32);

/// First and last id that accounts may have: above everything that systemd, containers and subordinate ids
/// use (systemd, "Users, Groups, UIDs and GIDs"), and below 2³¹, which some tools still read as a sign.
pub const UID_RANGE: std::ops::RangeInclusive<u32> = 1_900_000_001..=2_100_000_000;

impl Uid {
    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for Uid {
    type Error = Problem;

    fn try_from(number: u32) -> Result<Self, Self::Error> {
        if UID_RANGE.contains(&number) {
            Ok(Self(number))
        } else {
            Err(Problem::new(Code::ValueInvalid, format!("{number} is outside the accounts' range of ids")))
        }
    }
}

impl From<Uid> for u32 {
    fn from(uid: Uid) -> Self {
        uid.0
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
