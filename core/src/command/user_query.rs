use serde_json::{Map, Value};

use crate::Fields;

/// What somebody types to find users: words to search for, and filters of the form `role:admin`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UserQuery {
    words: Vec<String>,
    filters: Vec<(String, String)>,
}

/// The fields of a query on the way into a command.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QueryMap(pub Map<String, Value>);

impl From<QueryMap> for Fields {
    fn from(map: QueryMap) -> Self {
        Self::new(map.0)
    }
}

impl UserQuery {
    /// Reads a query. Nothing is refused here: a filter that the list does not know becomes a field that the
    /// list does not know. Of a filter that occurs twice the last counts.
    pub fn read(text: &str) -> Self {
        let mut query = Self::default();
        for word in text.split_whitespace() {
            match word.split_once(':') {
                Some((name, value)) if is_name(name) && !value.is_empty() => {
                    query.filters.retain(|(known, _)| known != name);
                    query.filters.push((name.to_owned(), value.to_owned()));
                }
                _ => query.words.push(word.to_owned()),
            }
        }
        query
    }

    /// The filters in the order in which they were typed.
    pub fn filters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.filters.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether there is a filter of this name.
    pub fn has(&self, name: &str) -> bool {
        self.filters.iter().any(|(known, _)| known == name)
    }

    /// The query as it is typed, with one more filter.
    pub fn with(&self, name: &str, value: &str) -> String {
        let mut query = self.clone();
        query.filters.retain(|(known, _)| known != name);
        query.filters.push((name.to_owned(), value.to_owned()));
        query.to_string()
    }

    /// The query as it is typed, without a filter.
    pub fn without(&self, name: &str) -> String {
        let mut query = self.clone();
        query.filters.retain(|(known, _)| known != name);
        query.to_string()
    }

    /// The fields for [`ListUsers::parse`](super::ListUsers::parse).
    pub fn fields(&self) -> QueryMap {
        let mut map: Map<String, Value> =
            self.filters.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        if !self.words.is_empty() {
            map.insert("search".to_owned(), self.words.join(" ").into());
        }
        QueryMap(map)
    }
}

impl std::fmt::Display for UserQuery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let filters = self.filters.iter().map(|(name, value)| format!("{name}:{value}"));
        let parts: Vec<String> = filters.chain(self.words.iter().cloned()).collect();
        f.write_str(&parts.join(" "))
    }
}

/// The names that a filter can have; what is reserved for paging is none.
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 32
        && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
        && !["search", "cursor", "limit"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Code;
    use crate::command::ListUsers;
    use crate::role::Role;

    #[test]
    fn words_and_filters() {
        let query = UserQuery::read("  role:user alice role:admin  smith limit:3 Role:x ");
        assert_eq!(query.to_string(), "role:admin alice smith limit:3 Role:x");
        let query = UserQuery::read("role:admin alice smith package:standard");
        let command = ListUsers::parse(query.fields().into()).unwrap();
        assert_eq!(command.filter.role, Some(Role::Admin));
        assert_eq!(command.filter.search.as_deref(), Some("alice smith"));
        assert_eq!(query.without("role"), "package:standard alice smith");
        assert_eq!(query.with("role", "user"), "package:standard role:user alice smith");
        assert_eq!(UserQuery::read("").to_string(), "");
    }

    #[test]
    fn what_the_list_does_not_know_is_said() {
        let problems = ListUsers::parse(UserQuery::read("colour:red role:king").fields().into()).unwrap_err();
        let codes: Vec<_> = problems.iter().map(|problem| problem.code).collect();
        assert_eq!(codes, [Code::RoleInvalid, Code::FieldUnknown]);
    }
}
