use crate::password::Password;
use crate::{Fields, Problems};

/// Set a user's password; generated if absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetPassword {
    /// The new password.
    pub password: Option<Password>,
}

impl SetPassword {
    /// Reads `password`.
    ///
    /// # Errors
    /// Every problem of every field.
    pub fn parse(mut fields: Fields) -> Result<Self, Problems> {
        let password = fields.optional("password");
        fields.finish().into_result().map(|()| Self { password })
    }
}
