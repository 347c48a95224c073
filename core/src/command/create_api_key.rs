use crate::policy::Scope;
use crate::role::UserRef;
use crate::user::one_line;
use crate::{Code, Fields, Parse, Problem, Problems};

/// Create a key for the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateApiKey {
    /// What its owner calls it.
    pub label: ApiKeyLabel,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// Whose rights it has at most; the caller's own if absent.
    pub user: Option<UserRef>,
    /// Days until it expires; never if absent.
    pub expires_in_days: Option<u32>,
}

/// The name of an API key: one line of 1 to 80 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyLabel(String);

impl ApiKeyLabel {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Parse for ApiKeyLabel {
    fn parse(text: &str) -> Result<Self, Problem> {
        one_line(text, 80, "the label of a key").map(Self)
    }
}

impl CreateApiKey {
    /// Reads `label`, `scopes`, `user` and `expires_in_days`.
    ///
    /// # Errors
    /// Every problem of every field.
    pub fn parse(mut fields: Fields) -> Result<Self, Problems> {
        let label = fields.required("label");
        let said_scopes = fields.has("scopes");
        let mut scopes: Vec<Scope> = fields.list("scopes");
        scopes.sort_unstable();
        scopes.dedup();
        if !said_scopes {
            fields.refuse("scopes", Code::FieldMissing, "`scopes` is required");
        } else if scopes.is_empty() {
            fields.refuse("scopes", Code::ValueInvalid, "a key needs at least one scope");
        }
        let user = fields.optional("user");
        let days = fields.optional_number("expires_in_days");
        let expires_in_days = match days.map(u32::try_from) {
            None => None,
            Some(Ok(days)) if (1..=3650).contains(&days) => Some(days),
            Some(_) => {
                fields.refuse("expires_in_days", Code::ValueInvalid, "use 1 to 3650 days");
                None
            }
        };
        let problems = fields.finish();
        match label {
            Some(label) if problems.is_empty() => Ok(Self { label, scopes, user, expires_in_days }),
            _ => Err(problems),
        }
    }
}
