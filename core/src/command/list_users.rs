use crate::name::PackageName;
use crate::role::Role;
use crate::standing::UserState;
use crate::suspension::SuspensionReason;
use crate::{Code, Fields, Problem, Problems};

/// A page of users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListUsers {
    /// What to leave out.
    pub filter: UserFilter,
    /// The opaque end of the page before, if this is not the first.
    pub cursor: Option<String>,
    /// Most users on the page, 1 to 200.
    pub limit: u32,
}

/// Which users a list holds; every part narrows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserFilter {
    /// Part of a username, email address, display name or domain, at least two characters long.
    pub search: Option<String>,
    /// Only this role.
    pub role: Option<Role>,
    /// Only accounts with this package.
    pub package: Option<PackageName>,
    /// Only users in this state; without it, those in the trash are left out.
    pub state: Option<UserState>,
    /// Only users who are suspended for this reason.
    pub suspended: Option<SuspensionReason>,
}

impl Default for ListUsers {
    fn default() -> Self {
        Self { filter: UserFilter::default(), cursor: None, limit: 50 }
    }
}

impl ListUsers {
    /// Reads `search`, `role`, `package`, `state`, `suspended`, `cursor` and `limit` (as text, since it comes from a query).
    ///
    /// # Errors
    /// Every problem of every field.
    pub fn parse(mut fields: Fields) -> Result<Self, Problems> {
        let search =
            fields.text("search").map(|text| text.trim().to_lowercase()).filter(|text| !text.is_empty());
        if search
            .as_ref()
            .is_some_and(|text| text.chars().count() > 100 || text.chars().any(char::is_control))
        {
            fields.refuse("search", Code::ValueInvalid, "search for at most 100 characters on one line");
        }
        let filter = UserFilter {
            search,
            role: fields.optional("role"),
            package: fields.optional("package"),
            state: fields.optional("state"),
            suspended: fields.optional("suspended"),
        };
        let cursor = fields.text("cursor");
        let limit = fields.text("limit").map(|text| match text.parse::<u32>() {
            Ok(limit) if (1..=200).contains(&limit) => Ok(limit),
            _ => Err(Problem::new(Code::ValueInvalid, "use a limit from 1 to 200")),
        });
        let limit = limit.and_then(|limit| fields.keep("limit", limit)).unwrap_or(50);
        fields.finish().into_result().map(|()| Self { filter, cursor, limit })
    }
}
