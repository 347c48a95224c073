use crate::name::{DisplayName, Email, Fqdn, PackageName, Username};
use crate::password::Password;
use crate::role::Role;
use crate::ssh_key::SshPublicKey;
use crate::{Code, Fields, Problems};

/// Create a person and, with [`Hosting`], everything that a hosting customer has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateUser {
    /// Sign-in and recovery address.
    pub email: Email,
    /// Name in headers and mails.
    pub display_name: DisplayName,
    /// What the person may do.
    pub role: Role,
    /// The hosting account; only an admin may be without one.
    pub hosting: Option<Hosting>,
    /// Generated if absent.
    pub password: Option<Password>,
    /// Whether to send the welcome message.
    pub welcome_email: bool,
}

/// The hosting account of a new user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosting {
    /// Name of the Unix account, the PHP pool and the SFTP login.
    pub username: Username,
    /// Limits and features.
    pub package: PackageName,
    /// The first domain.
    pub primary_domain: Fqdn,
    /// Whether file transfer is on.
    pub sftp: bool,
    /// Keys that open file transfer.
    pub ssh_keys: Vec<SshPublicKey>,
}

impl CreateUser {
    /// Reads `username`, `email`, `display_name`, `role`, `package`, `primary_domain`, `password`, `sftp`,
    /// `welcome_email` and `ssh_keys`.
    ///
    /// # Errors
    /// Every problem of every field.
    pub fn parse(mut fields: Fields) -> Result<Self, Problems> {
        let role = fields.required::<Role>("role");
        let person_only = role == Some(Role::Admin)
            && !["username", "package", "primary_domain"].iter().any(|name| fields.has(name));
        let hosting = if person_only { Some(None) } else { Self::parse_hosting(&mut fields).map(Some) };
        let email = fields.required::<Email>("email");
        let display_name = fields.required::<DisplayName>("display_name");
        let password = fields.optional::<Password>("password");
        let welcome_email = fields.switch("welcome_email", true);
        if person_only && fields.has("ssh_keys") {
            fields.refuse(
                "ssh_keys",
                Code::AccountMissing,
                "SSH keys need a username, package and primary domain",
            );
        }
        let _ = (fields.raw("ssh_keys"), fields.raw("sftp"));
        let problems = fields.finish();
        match (email, display_name, role, hosting) {
            (Some(email), Some(display_name), Some(role), Some(hosting)) if problems.is_empty() => {
                Ok(Self { email, display_name, role, hosting, password, welcome_email })
            }
            _ => Err(problems),
        }
    }

    fn parse_hosting(fields: &mut Fields) -> Option<Hosting> {
        let username = fields.required::<Username>("username");
        let package = fields.required::<PackageName>("package");
        let primary_domain = fields.required::<Fqdn>("primary_domain");
        let sftp = fields.switch("sftp", true);
        let ssh_keys: Vec<SshPublicKey> = fields.list("ssh_keys");
        for (index, key) in ssh_keys.iter().enumerate() {
            if ssh_keys.iter().take(index).any(|earlier| earlier.fingerprint() == key.fingerprint()) {
                fields.refuse(
                    &format!("ssh_keys[{index}]"),
                    Code::SshKeyTaken,
                    "the same key is in the list twice",
                );
            }
        }
        Some(Hosting {
            username: username?,
            package: package?,
            primary_domain: primary_domain?,
            sftp,
            ssh_keys,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(body: Value, expected: &[(&str, Code)]) {
        let found: Vec<_> = match CreateUser::parse(Fields::from_value(body).unwrap()) {
            Ok(_) => Vec::new(),
            Err(problems) => problems.into_iter().map(|p| (p.field.unwrap(), p.code)).collect(),
        };
        let expected: Vec<_> = expected.iter().map(|(field, code)| ((*field).to_owned(), *code)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_specification_s_line() {
        let body = json!({"username": "alice", "email": "alice@example.com", "display_name": "Alice Smith",
            "role": "user", "package": "standard", "primary_domain": "alicesite.com"});
        let command = CreateUser::parse(Fields::from_value(body).unwrap()).unwrap();
        let hosting = command.hosting.unwrap();
        assert!(hosting.sftp && command.welcome_email && command.password.is_none());
        assert_eq!(hosting.primary_domain.as_str(), "alicesite.com");
    }

    #[test]
    fn an_admin_may_be_a_person_only_but_not_half_a_customer() {
        check(json!({"email": "a@example.com", "display_name": "A", "role": "admin"}), &[]);
        check(
            json!({"email": "a@example.com", "display_name": "A", "role": "admin", "username": "anna"}),
            &[("package", Code::FieldMissing), ("primary_domain", Code::FieldMissing)],
        );
        check(
            json!({"email": "a@example.com", "display_name": "A", "role": "user"}),
            &[
                ("username", Code::FieldMissing),
                ("package", Code::FieldMissing),
                ("primary_domain", Code::FieldMissing),
            ],
        );
    }

    #[test]
    fn five_errors_are_five_problems() {
        check(
            json!({"username": "A", "email": "x", "display_name": "", "role": "king", "package": "P!", "primary_domain": "com"}),
            &[
                ("role", Code::RoleInvalid),
                ("username", Code::UsernameInvalid),
                ("package", Code::PackageNameInvalid),
                ("primary_domain", Code::DomainInvalid),
                ("email", Code::EmailInvalid),
                ("display_name", Code::FieldMissing),
            ],
        );
    }
}
