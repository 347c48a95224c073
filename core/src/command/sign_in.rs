use crate::password::Password;
use crate::role::UserRef;
use crate::{Code, Fields, Parse, Problems};

/// Longest name that somebody may try to sign in with, in bytes.
const NAME_MAX: usize = 254;

/// Sign in with a name and a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    /// What was given as name: a login or an address, or something that nobody is called.
    pub name: String,
    /// The password.
    pub password: Password,
}

impl SignIn {
    /// Reads `name` and `password`.
    ///
    /// # Errors
    /// Every problem of every field. A name that can't be anybody's is none: the answer to it is that of a
    /// wrong password.
    pub fn parse(mut fields: Fields) -> Result<Self, Problems> {
        let name: Option<Name> = fields.required("name");
        let password = fields.required("password");
        let problems = fields.finish();
        match (name, password) {
            (Some(name), Some(password)) if problems.is_empty() => Ok(Self { name: name.0, password }),
            _ => Err(problems),
        }
    }

    /// Whom the name can mean: a login or an address, and never an id.
    pub fn user(&self) -> Option<UserRef> {
        UserRef::parse(&self.name).ok().filter(|user| !matches!(user, UserRef::Id(_)))
    }
}

struct Name(String);

impl Parse for Name {
    fn parse(text: &str) -> Result<Self, crate::Problem> {
        if text.len() > NAME_MAX {
            return Err(crate::Problem::new(Code::ValueInvalid, "the name is too long"));
        }
        Ok(Self(text.trim().to_owned()))
    }
}
