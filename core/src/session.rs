//! Sessions of the panel, and what a sign-in comes to.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Code, Parse, Problem};

/// How far somebody has signed in. Only [`SessionState::Full`] may do anything but go on signing in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    /// Wholly.
    Full,
    /// The password was right; the code of the second factor is still to come.
    NeedsSecondFactor,
    /// The password was right; a second factor must be enrolled before anything else.
    MustEnrol,
}

impl SessionState {
    /// Every state.
    pub const ALL: &'static [Self] = &[Self::Full, Self::NeedsSecondFactor, Self::MustEnrol];

    /// The word in output and database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::NeedsSecondFactor => "needs_second_factor",
            Self::MustEnrol => "must_enrol",
        }
    }
}

impl Parse for SessionState {
    fn parse(text: &str) -> Result<Self, Problem> {
        Self::ALL
            .iter()
            .copied()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| Problem::new(Code::ValueInvalid, "this is not a state of a session"))
    }
}

/// What a sign-in came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LoginOutcome {
    /// Wholly signed in, without a second factor.
    Success,
    /// The password was right, and a code or an enrolment was asked for.
    PasswordRight,
    /// Signed in with the code of a second factor.
    SecondFactor,
    /// Signed in with a recovery code.
    RecoveryCode,
    /// The password was wrong.
    WrongPassword,
    /// The code was wrong, or had been used before.
    WrongCode,
    /// The password was right, but this user may not sign in.
    MayNot,
}

impl LoginOutcome {
    /// Every outcome.
    pub const ALL: &'static [Self] = &[
        Self::Success,
        Self::PasswordRight,
        Self::SecondFactor,
        Self::RecoveryCode,
        Self::WrongPassword,
        Self::WrongCode,
        Self::MayNot,
    ];

    /// The word in output and database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::PasswordRight => "password_right",
            Self::SecondFactor => "second_factor",
            Self::RecoveryCode => "recovery_code",
            Self::WrongPassword => "wrong_password",
            Self::WrongCode => "wrong_code",
            Self::MayNot => "may_not",
        }
    }

    /// Whether somebody got in.
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Success | Self::SecondFactor | Self::RecoveryCode)
    }
}

impl Parse for LoginOutcome {
    fn parse(text: &str) -> Result<Self, Problem> {
        Self::ALL
            .iter()
            .copied()
            .find(|outcome| outcome.as_str() == text)
            .ok_or_else(|| Problem::new(Code::ValueInvalid, "this is not an outcome of a sign-in"))
    }
}
