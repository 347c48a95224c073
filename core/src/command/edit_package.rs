use super::create_package::read_limits;
use crate::package::{EgressPolicy, Features, Limit, Limits, TimerMode};
use crate::{Fields, Problems};

/// Change a package; what is not named stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EditPackage {
    /// Limits to change, by name.
    pub limits: Vec<(&'static str, Limit)>,
    /// Whether SFTP is included.
    pub sftp: Option<bool>,
    /// How timers run.
    pub timers: Option<TimerMode>,
    /// What may be reached.
    pub egress: Option<EgressPolicy>,
}

impl EditPackage {
    /// Reads every limit by its name, `sftp`, `timers` and `egress`.
    ///
    /// # Errors
    /// Every problem of every field.
    pub fn parse(mut fields: Fields) -> Result<Self, Problems> {
        let command = Self {
            limits: read_limits(&mut fields),
            sftp: fields.optional_switch("sftp"),
            timers: fields.optional("timers"),
            egress: fields.optional("egress"),
        };
        fields.finish().into_result().map(|()| command)
    }

    /// The package after the change.
    pub fn apply(&self, mut limits: Limits, mut features: Features) -> (Limits, Features) {
        for (name, limit) in &self.limits {
            limits.set(name, *limit);
        }
        features.sftp = self.sftp.unwrap_or(features.sftp);
        features.timers = self.timers.unwrap_or(features.timers);
        features.egress = self.egress.unwrap_or(features.egress);
        (limits, features)
    }
}
