use crate::user::one_line;
use crate::{Fields, Parse, Problem, Problems};

/// Act in somebody's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Impersonate {
    /// Why.
    pub reason: Reason,
}

/// Why something is done, in somebody's words: one line of 3 to 200 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason(String);

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Parse for Reason {
    fn parse(text: &str) -> Result<Self, Problem> {
        let line = one_line(text, 200, "a reason")?;
        if line.chars().count() < 3 {
            return Err(Problem::new(crate::Code::ValueInvalid, "this is not a reason").hint("say why"));
        }
        Ok(Self(line))
    }
}

impl Impersonate {
    /// Reads `reason`.
    ///
    /// # Errors
    /// Every problem of every field.
    pub fn parse(mut fields: Fields) -> Result<Self, Problems> {
        let reason = fields.required("reason");
        let problems = fields.finish();
        match reason {
            Some(reason) if problems.is_empty() => Ok(Self { reason }),
            _ => Err(problems),
        }
    }
}
