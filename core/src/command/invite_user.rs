use crate::name::{DisplayName, Email, Fqdn, PackageName, Username};
use crate::password::Password;
use crate::role::Role;
use crate::user::Language;
use crate::{Fields, Problems};

/// Invite somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InviteUser {
    /// Where the invitation goes.
    pub email: Email,
    /// What they will be.
    pub role: Role,
    /// The package of their account.
    pub package: Option<PackageName>,
    /// The language of the mail.
    pub language: Language,
}

impl InviteUser {
    /// Reads `email`, `role`, `package` and `language`.
    ///
    /// # Errors
    /// Every problem of every field.
    pub fn parse(mut fields: Fields) -> Result<Self, Problems> {
        let email = fields.required("email");
        let role = fields.required("role");
        let package = fields.optional("package");
        let language = fields.optional("language").unwrap_or_default();
        let problems = fields.finish();
        match (email, role) {
            (Some(email), Some(role)) if problems.is_empty() => Ok(Self { email, role, package, language }),
            _ => Err(problems),
        }
    }
}

/// Accept an invitation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptInvitation {
    /// Name in headers and mails.
    pub display_name: DisplayName,
    /// Name and first domain of the account; an administrator may be without one.
    pub account: Option<(Username, Fqdn)>,
    /// The password.
    pub password: Password,
}

impl AcceptInvitation {
    /// Reads `display_name`, `username`, `primary_domain` and `password`.
    ///
    /// # Errors
    /// Every problem of every field.
    pub fn parse(mut fields: Fields, role: Role) -> Result<Self, Problems> {
        let display_name = fields.required("display_name");
        let person_only = role == Role::Admin && !fields.has("username") && !fields.has("primary_domain");
        let account = if person_only {
            None
        } else {
            let (username, domain) = (fields.required("username"), fields.required("primary_domain"));
            username.zip(domain)
        };
        let password = fields.required("password");
        let problems = fields.finish();
        match (display_name, password) {
            (Some(display_name), Some(password)) if problems.is_empty() => {
                Ok(Self { display_name, account, password })
            }
            _ => Err(problems),
        }
    }
}
