use crate::package::Limit;
use crate::web_user::{CryptHash, NewPassword, WebService, WebUserLogin, WebUserPassword, WebUserQuota};
use crate::{Code, Fields, Parse, Problem, Problems};

/// Add a web user to a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddWebUser {
    /// What the web user signs in with.
    pub login: WebUserLogin,
    /// Their password.
    pub password: NewPassword,
    /// How much they may store; nothing means as much as the account.
    pub quota: Option<WebUserQuota>,
    /// What their site may do; absent: what the site's preferences say.
    pub services: Option<Vec<WebService>>,
}

impl AddWebUser {
    /// Reads `login`, `password`, `password_hash`, `quota_bytes` and `services`.
    ///
    /// # Errors
    /// Every problem of every field.
    pub fn parse(mut fields: Fields) -> Result<Self, Problems> {
        let login = fields.required("login");
        let password = password(&mut fields);
        let quota = quota(&mut fields);
        let services = services(&mut fields);
        let problems = fields.finish();
        match login {
            Some(login) if problems.is_empty() => Ok(Self {
                login,
                password: password.unwrap_or(NewPassword::Locked),
                quota: quota.flatten(),
                services,
            }),
            _ => Err(problems),
        }
    }
}

/// Change a web user; what is not named stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EditWebUser {
    /// Another password, or none.
    pub password: Option<NewPassword>,
    /// Another quota; `Some(None)` is as much as the account.
    pub quota: Option<Option<WebUserQuota>>,
    /// What the site may do from now on.
    pub services: Option<Vec<WebService>>,
}

impl EditWebUser {
    /// Reads `password`, `password_hash`, `quota_bytes` and `services`.
    ///
    /// # Errors
    /// Every problem of every field.
    pub fn parse(mut fields: Fields) -> Result<Self, Problems> {
        let command = Self {
            password: password(&mut fields),
            quota: quota(&mut fields),
            services: services(&mut fields),
        };
        fields.finish().into_result().map(|()| command)
    }
}

/// A password in plain text or as a hash; an empty text locks.
fn password(fields: &mut Fields) -> Option<NewPassword> {
    let hash: Option<CryptHash> = fields.optional("password_hash");
    if !fields.sent("password") {
        return hash.map(NewPassword::Hashed);
    }
    if hash.is_some() {
        fields.refuse("password_hash", Code::ValueInvalid, "send `password` or `password_hash`, not both");
    }
    match fields.text("password") {
        None => Some(NewPassword::Locked),
        Some(text) => fields.keep("password", WebUserPassword::parse(&text)).map(NewPassword::Plain),
    }
}

/// A number of bytes or `unlimited`.
#[expect(clippy::option_option, reason = "not said, taken away and set are three things")]
fn quota(fields: &mut Fields) -> Option<Option<WebUserQuota>> {
    let value = fields.raw("quota_bytes")?;
    let parsed = Limit::from_value(&value).and_then(|limit| match limit {
        Limit::Max(bytes) => WebUserQuota::try_from(bytes).map(Some),
        Limit::Unlimited => Ok(None),
        Limit::Inherit => {
            Err(Problem::new(Code::ValueInvalid, "the quota is a number of bytes or unlimited"))
        }
    });
    fields.keep("quota_bytes", parsed)
}

fn services(fields: &mut Fields) -> Option<Vec<WebService>> {
    fields.sent("services").then(|| fields.list("services"))
}
