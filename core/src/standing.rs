//! What of an account is open on its node, and what of a user is open at all.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::name::shown;
use crate::suspension::{Suspension, SuspensionLevel, Suspensions};
use crate::{Code, Parse, Problem};

/// How an account stands. The planner derives it from suspensions and deletion; resources only read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case", deny_unknown_fields)]
pub enum Standing {
    /// Everything works.
    #[default]
    Open,
    /// Every surface is closed; files and data stay as they are.
    Suspended,
    /// Every surface is closed, files and data are sealed, and all of it can come back as it was.
    Trashed,
    /// Nothing of the account may be left on the node.
    Purged,
}

impl Standing {
    /// Whether surfaces of the account may be reached.
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Open)
    }

    /// Whether the account's files are out of everybody's reach, or gone.
    pub const fn is_sealed(&self) -> bool {
        matches!(self, Self::Trashed | Self::Purged)
    }

    /// Whether nothing of the account may be left.
    pub const fn is_purged(&self) -> bool {
        matches!(self, Self::Purged)
    }

    /// The word in output.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Suspended => "suspended",
            Self::Trashed => "trashed",
            Self::Purged => "purged",
        }
    }
}

/// Since when somebody is in the trash, and what comes after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deletion {
    /// When they were deleted.
    pub since: DateTime<Utc>,
    /// When they are purged by themselves.
    pub purge_at: Option<DateTime<Utc>>,
    /// Since when they are being purged: there is no way back.
    pub purging_since: Option<DateTime<Utc>>,
}

/// What a user's life has come to beside what was asked for when they were created.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Life {
    /// Why they are suspended.
    pub suspensions: Suspensions,
    /// Whether they are deleted.
    pub deletion: Option<Deletion>,
}

impl Life {
    /// How accounts that the user owns stand.
    pub fn standing(&self) -> Standing {
        match (&self.deletion, self.suspensions.level()) {
            (Some(Deletion { purging_since: Some(_), .. }), _) => Standing::Purged,
            (Some(_), _) => Standing::Trashed,
            (None, Some(SuspensionLevel::Full)) => Standing::Suspended,
            (None, Some(SuspensionLevel::Login) | None) => Standing::Open,
        }
    }

    /// The suspension that keeps the user from signing in, if one does. Somebody in the trash does not sign in
    /// either.
    pub fn closing_sign_in(&self) -> Option<&Suspension> {
        self.suspensions.closing_sign_in()
    }

    /// Whether the user may come in: by session, key or password, here and in every dialect.
    pub fn may_sign_in(&self) -> bool {
        self.deletion.is_none() && self.closing_sign_in().is_none()
    }

    /// The same in a word.
    pub fn state(&self) -> UserState {
        match &self.deletion {
            Some(Deletion { purging_since: Some(_), .. }) => UserState::Purging,
            Some(_) => UserState::Trashed,
            None if self.suspensions.is_empty() => UserState::Active,
            None => UserState::Suspended,
        }
    }

    /// Whether the user is in the trash, or on the way out of it.
    pub const fn is_deleted(&self) -> bool {
        self.deletion.is_some()
    }
}

/// What a user's life has come to, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UserState {
    /// Nothing is closed.
    Active,
    /// At least one suspension counts.
    Suspended,
    /// In the trash.
    Trashed,
    /// Being removed for good.
    Purging,
}

impl UserState {
    /// Every state.
    pub const ALL: &'static [Self] = &[Self::Active, Self::Suspended, Self::Trashed, Self::Purging];

    /// The word in input and output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Trashed => "trashed",
            Self::Purging => "purging",
        }
    }
}

impl Parse for UserState {
    fn parse(text: &str) -> Result<Self, Problem> {
        Self::ALL.iter().copied().find(|state| state.as_str() == text).ok_or_else(|| {
            Problem::new(Code::ValueInvalid, format!("`{}` is not a state of a user", shown(text)))
                .hint("use active, suspended, trashed or purging")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suspension::{Authority, SuspensionReason};

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    fn suspended(reason: SuspensionReason, level: SuspensionLevel) -> Suspensions {
        let by = Authority::Operator;
        [Suspension { reason, level, by, since: at(0), until: None, message: None }].into_iter().collect()
    }

    #[test]
    fn deletion_comes_before_suspension_and_purging_before_both() {
        let suspensions = suspended(SuspensionReason::Abuse, SuspensionLevel::Full);
        let trashed = Deletion { since: at(1), purge_at: None, purging_since: None };
        let purging = Deletion { purging_since: Some(at(2)), ..trashed };
        for (deletion, standing, state) in [
            (None, Standing::Suspended, UserState::Suspended),
            (Some(trashed), Standing::Trashed, UserState::Trashed),
            (Some(purging), Standing::Purged, UserState::Purging),
        ] {
            let life = Life { suspensions: suspensions.clone(), deletion };
            assert_eq!((life.standing(), life.state()), (standing, state));
            assert!(!life.may_sign_in());
        }
        assert!(Life::default().may_sign_in() && Life::default().standing().is_open());
    }

    #[test]
    fn the_level_login_closes_the_person_and_the_reason_owner_the_account() {
        let login = Life {
            suspensions: suspended(SuspensionReason::Billing, SuspensionLevel::Login),
            deletion: None,
        };
        assert!(login.standing().is_open() && !login.may_sign_in());
        let owner =
            Life { suspensions: suspended(SuspensionReason::Owner, SuspensionLevel::Full), deletion: None };
        assert!(!owner.standing().is_open() && owner.may_sign_in());
    }
}
