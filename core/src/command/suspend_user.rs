use crate::suspension::{SuspensionLevel, SuspensionMessage, SuspensionReason, Until};
use crate::{Code, Fields, Problems};

/// Close what belongs to a user, for a reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuspendUser {
    /// Why.
    pub reason: SuspensionReason,
    /// How much.
    pub level: SuspensionLevel,
    /// When it ends by itself.
    pub until: Option<Until>,
    /// What the user is told.
    pub message: Option<SuspensionMessage>,
}

impl SuspendUser {
    /// Reads `reason` (`operator` if absent), `level` (`full` if absent), `until` and `message`.
    ///
    /// # Errors
    /// Every problem of every field.
    pub fn parse(mut fields: Fields) -> Result<Self, Problems> {
        let command = Self {
            reason: fields.optional("reason").unwrap_or(SuspensionReason::Operator),
            level: fields.optional("level").unwrap_or(SuspensionLevel::Full),
            until: fields.optional("until"),
            message: fields.optional("message"),
        };
        if command.reason == SuspensionReason::Owner && command.level == SuspensionLevel::Login {
            // Whoever could not sign in could never take it back.
            fields.refuse("level", Code::ValueInvalid, "the reason `owner` goes with the level `full` only");
        }
        fields.finish().into_result().map(|()| command)
    }
}
