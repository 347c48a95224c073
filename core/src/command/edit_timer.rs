use super::add_timer::{mail, timeout};
use crate::timer::{MailOnFailure, Schedule, TimerCommand, TimerTimeout};
use crate::{Fields, Problems};

/// Change a timer; what is not named stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EditTimer {
    /// When it is due.
    pub schedule: Option<Schedule>,
    /// What it runs.
    pub command: Option<TimerCommand>,
    /// Who is told of a run that failed.
    pub mail_on_failure: Option<MailOnFailure>,
    /// Whether it runs by itself.
    pub enabled: Option<bool>,
    /// After how many seconds a run is ended.
    pub timeout: Option<TimerTimeout>,
}

impl EditTimer {
    /// Reads `schedule`, `command`, `mail_on_failure`, `enabled` and `timeout_s`.
    ///
    /// # Errors
    /// Every problem of every field.
    pub fn parse(mut fields: Fields) -> Result<Self, Problems> {
        let command = Self {
            schedule: fields.optional("schedule"),
            command: fields.optional("command"),
            mail_on_failure: mail(&mut fields),
            enabled: fields.optional_switch("enabled"),
            timeout: timeout(&mut fields),
        };
        fields.finish().into_result().map(|()| command)
    }
}
