use crate::name::PackageName;
use crate::package::{Features, Limit, Limits};
use crate::{Fields, Problems};

/// Create a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatePackage {
    /// Its name.
    pub name: PackageName,
    /// What it limits; `inherit` where nothing is said.
    pub limits: Limits,
    /// What it includes.
    pub features: Features,
}

impl CreatePackage {
    /// Reads `name`, every limit by its name, `sftp`, `timers` and `egress`.
    ///
    /// # Errors
    /// Every problem of every field.
    pub fn parse(mut fields: Fields) -> Result<Self, Problems> {
        let name = fields.required("name");
        let mut limits = Limits::default();
        for (field, limit) in read_limits(&mut fields) {
            limits.set(field, limit);
        }
        let defaults = Features::default();
        let features = Features {
            sftp: fields.switch("sftp", defaults.sftp),
            timers: fields.optional("timers").unwrap_or(defaults.timers),
            egress: fields.optional("egress").unwrap_or(defaults.egress),
        };
        let problems = fields.finish();
        match name {
            Some(name) if problems.is_empty() => Ok(Self { name, limits, features }),
            _ => Err(problems),
        }
    }
}

/// The limits that were sent.
pub(super) fn read_limits(fields: &mut Fields) -> Vec<(&'static str, Limit)> {
    let mut found = Vec::new();
    for name in Limits::NAMES {
        if let Some(value) = fields.raw(name)
            && let Some(limit) = fields.keep(name, Limit::from_value(&value))
        {
            found.push((*name, limit));
        }
    }
    found
}
