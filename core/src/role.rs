//! Roles and who is asking.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::{ApiKeyId, SessionId, UserId};
use crate::name::Login;
use crate::policy::Scope;
use crate::{Code, Parse, Problem};

/// What a user may do at most; [`crate::policy`] decides the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Everything.
    Admin,
    /// Owns users, within limits of their own.
    Reseller,
    /// Own things only.
    User,
}

impl Role {
    /// Every role.
    pub const ALL: &'static [Self] = &[Self::Admin, Self::Reseller, Self::User];

    /// The word in input, output and database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Reseller => "reseller",
            Self::User => "user",
        }
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Parse for Role {
    fn parse(text: &str) -> Result<Self, Problem> {
        Self::ALL.iter().copied().find(|role| role.as_str() == text).ok_or_else(|| {
            Problem::new(Code::RoleInvalid, format!("`{}` is not a role", crate::name::shown(text)))
                .hint("use admin, reseller or user")
        })
    }
}

/// Who is asking. Every verb takes one, every audit entry names one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Actor {
    /// Nobody in particular: a request without valid credentials.
    Anonymous {
        /// Where the request came from, as far as it is known.
        from: String,
    },
    /// Root on the host, proven by the peer credentials of the operator socket.
    Operator,
    /// Somebody else on the host, on the operator socket.
    LocalUser {
        /// Their Unix user id.
        uid: u32,
    },
    /// An API key on behalf of the user it belongs to.
    ApiKey {
        /// The key.
        key: ApiKeyId,
        /// The user whose rights it has at most.
        user: UserId,
        /// That user's login or email, for people who read the audit log.
        name: String,
        /// That user's role when the request came in.
        role: Role,
        /// What the key may be used for.
        scopes: Vec<Scope>,
    },
    /// A person who has shown who they are, by a session or with a password.
    Person {
        /// The person.
        user: UserId,
        /// Their login or email, for people who read the audit log.
        name: String,
        /// Their role when the request came in.
        role: Role,
        /// How they came in.
        via: Via,
        /// The administrator who acts in their place, if one does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        behind: Option<Impersonator>,
    },
    /// Berth itself: setup and scheduled work.
    System,
}

/// How a person came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// By a session of the panel.
    Session(SessionId),
    /// With credentials in a packet of Plesk's XML API.
    Plesk,
    /// With credentials of Plesk's REST API.
    PleskRest,
    /// With the key of Installatron's API, which speaks for the main administrator.
    Installatron,
}

/// An administrator who acts in somebody's place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Impersonator {
    /// The administrator.
    pub user: UserId,
    /// Their login or email.
    pub name: String,
}

impl Actor {
    /// The user on whose behalf the request is made, if one is.
    pub fn user(&self) -> Option<UserId> {
        match self {
            Self::ApiKey { user, .. } | Self::Person { user, .. } => Some(*user),
            Self::Anonymous { .. } | Self::Operator | Self::LocalUser { .. } | Self::System => None,
        }
    }

    /// The user on whose behalf the request is made, with their role, if one is.
    pub fn user_and_role(&self) -> Option<(UserId, Role)> {
        match self {
            Self::ApiKey { user, role, .. } | Self::Person { user, role, .. } => Some((*user, *role)),
            Self::Anonymous { .. } | Self::Operator | Self::LocalUser { .. } | Self::System => None,
        }
    }

    /// How the audit log names the actor.
    pub fn label(&self) -> String {
        match self {
            Self::Anonymous { from } => format!("anonymous from {from}"),
            Self::Operator => "root on the host".to_owned(),
            Self::LocalUser { uid } => format!("host user {uid}"),
            Self::ApiKey { name, key, .. } => format!("{name} by API key {key}"),
            Self::Person { name, behind: None, .. } => name.clone(),
            Self::Person { name, behind: Some(behind), .. } => format!("{} as {name}", behind.name),
            Self::System => "berth".to_owned(),
        }
    }
}

/// A user as named in a path or argument: by id, login or email.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserRef {
    /// By id.
    Id(UserId),
    /// By login.
    Login(Login),
    /// By email address.
    Email(crate::name::Email),
}

impl Parse for UserRef {
    fn parse(text: &str) -> Result<Self, Problem> {
        if let Ok(id) = text.parse() {
            return Ok(Self::Id(id));
        }
        if text.contains('@') {
            return crate::name::Email::parse(text).map(Self::Email);
        }
        Login::parse(text).map(Self::Login)
    }
}

impl std::fmt::Display for UserRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Login(login) => login.fmt(f),
            Self::Email(email) => email.fmt(f),
        }
    }
}
