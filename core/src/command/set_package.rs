use crate::name::PackageName;
use crate::{Fields, Problems};

/// Give an account another package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetPackage {
    /// The package that it shall have.
    pub package: PackageName,
    /// Whether it may allow less than the account uses already.
    pub force: bool,
}

impl SetPackage {
    /// Reads `package` and `force`.
    ///
    /// # Errors
    /// Every problem of every field.
    pub fn parse(mut fields: Fields) -> Result<Self, Problems> {
        let package = fields.required("package");
        let force = fields.switch("force", false);
        let problems = fields.finish();
        match package {
            Some(package) if problems.is_empty() => Ok(Self { package, force }),
            _ => Err(problems),
        }
    }
}
