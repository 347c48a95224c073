use crate::timer::{MailOnFailure, Schedule, TimerCommand, TimerName, TimerTimeout};
use crate::{Fields, Problems};

/// Add a timer to an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddTimer {
    /// Its name.
    pub name: TimerName,
    /// When it is due.
    pub schedule: Schedule,
    /// What it runs.
    pub command: TimerCommand,
    /// Who is told of a run that failed.
    pub mail_on_failure: MailOnFailure,
    /// Whether it runs by itself.
    pub enabled: bool,
    /// After how many seconds a run is ended.
    pub timeout: TimerTimeout,
}

impl AddTimer {
    /// Reads `name`, `schedule`, `command`, `mail_on_failure`, `enabled` and `timeout_s`.
    ///
    /// # Errors
    /// Every problem of every field.
    pub fn parse(mut fields: Fields) -> Result<Self, Problems> {
        let name = fields.required("name");
        let schedule = fields.required("schedule");
        let command = fields.required("command");
        let mail_on_failure = mail(&mut fields).unwrap_or_default();
        let enabled = fields.switch("enabled", true);
        let timeout = timeout(&mut fields).unwrap_or_default();
        let problems = fields.finish();
        match (name, schedule, command) {
            (Some(name), Some(schedule), Some(command)) if problems.is_empty() => {
                Ok(Self { name, schedule, command, mail_on_failure, enabled, timeout })
            }
            _ => Err(problems),
        }
    }
}

pub(super) fn mail(fields: &mut Fields) -> Option<MailOnFailure> {
    let value = fields.raw("mail_on_failure")?;
    fields.keep("mail_on_failure", MailOnFailure::from_value(&value))
}

pub(super) fn timeout(fields: &mut Fields) -> Option<TimerTimeout> {
    let seconds = fields.optional_number("timeout_s")?;
    fields.keep("timeout_s", TimerTimeout::try_from(seconds))
}
