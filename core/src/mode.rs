//! How far a verb goes.

use crate::{Code, Parse, Problem};

/// Every verb takes one; only [`Mode::Apply`] changes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Answer what would happen.
    Plan,
    /// Check the input and the database.
    CheckOnly,
    /// Also test connections to other machines.
    CheckAll,
    /// Do it.
    #[default]
    Apply,
}

impl Parse for Mode {
    /// Reads the value of `dry_run`.
    fn parse(text: &str) -> Result<Self, Problem> {
        match text {
            "plan" => Ok(Self::Plan),
            "input" => Ok(Self::CheckOnly),
            "all" => Ok(Self::CheckAll),
            "none" => Ok(Self::Apply),
            other => Err(Problem::new(
                Code::ValueInvalid,
                format!("`{}` is not a kind of dry run", crate::name::shown(other)),
            )
            .at("dry_run")
            .hint("use plan, input, all or none")),
        }
    }
}
