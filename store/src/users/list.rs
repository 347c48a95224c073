//! Pages of users.

use berth_core::command::{ListUsers, UserFilter};
use berth_core::id::UserId;
use berth_core::standing::UserState;
use berth_core::suspension::SuspensionReason;
use berth_core::view::Page;
use uuid::Uuid;

use super::{UserRecord, UserRow, all_whole, user_columns};
use crate::filter::{Bound, Filter, fetch_filtered};
use crate::store::Engine;
use crate::{Result, Statement, StoreError, Tx};

/// Whom the one who asks may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Visible {
    /// Everybody.
    All,
    /// This user and the users whom they own.
    OwnedBy(UserId),
    /// Only this user.
    Only(UserId),
}

/// A text of fewer characters holds no trigram; it is looked for at the beginning of login and address only.
const SHORTEST_TRIGRAM: usize = 3;

/// One page of users by login (or address, for those without), narrowed by the command's filter. The cursor
/// is the key of the last user before the page, so that users who come and go meanwhile move nothing else.
pub async fn list(tx: &mut Tx, command: &ListUsers, visible: Visible) -> Result<Page<UserRecord>> {
    let after = command.cursor.as_deref().map(read_cursor).transpose()?;
    let limit = usize::try_from(command.limit).unwrap_or(usize::MAX);
    let (sql, values) = statement(tx.engine(), &command.filter, visible, after, i64::from(command.limit) + 1);
    let rows = fetch_filtered!(tx, UserRow, "users::list", sql, values)?;
    let more = rows.len() > limit;
    let items = all_whole(tx, rows.into_iter().take(limit).collect()).await?;
    let next = items.last().filter(|_| more).map(|last| write_cursor(&last.sort_key(), last.id));
    Ok(Page { items, next })
}

fn statement(
    engine: Engine,
    filter: &UserFilter,
    visible: Visible,
    after: Option<(String, Uuid)>,
    limit: i64,
) -> (String, Vec<Bound>) {
    let mut where_clause = Filter::default();
    match visible {
        Visible::All => {}
        Visible::OwnedBy(id) => {
            where_clause.add_two("(u.id = ?1 OR u.owner_id = ?2)", Bound::Id(id.0), Bound::Id(id.0));
        }
        Visible::Only(id) => where_clause.add("u.id = ?", Bound::Id(id.0)),
    }
    if let Some(role) = filter.role {
        where_clause.add("u.role = ?", Bound::Text(role.as_str().to_owned()));
    }
    match filter.state {
        None => where_clause.always("u.deleted_at IS NULL"),
        Some(UserState::Active) => {
            where_clause.always("u.deleted_at IS NULL");
            where_clause.always("NOT EXISTS (SELECT 1 FROM suspensions s WHERE s.user_id = u.id)");
        }
        Some(UserState::Suspended) => {
            where_clause.always("u.deleted_at IS NULL");
            where_clause.always("EXISTS (SELECT 1 FROM suspensions s WHERE s.user_id = u.id)");
        }
        Some(UserState::Trashed) => where_clause.always("u.deleted_at IS NOT NULL"),
        Some(UserState::Purging) => where_clause.always("u.purging_at IS NOT NULL"),
    }
    if let Some(reason) = filter.suspended {
        where_clause.add(
            "EXISTS (SELECT 1 FROM suspensions s WHERE s.user_id = u.id AND s.reason = ?)",
            Bound::Text(reason.as_str().to_owned()),
        );
    }
    if let Some(package) = &filter.package {
        where_clause.add(
            "EXISTS (SELECT 1 FROM memberships m JOIN accounts a ON a.id = m.account_id \
             JOIN packages p ON p.id = a.package_id WHERE m.user_id = u.id AND p.name = ?)",
            Bound::Text(package.as_str().to_owned()),
        );
    }
    match filter.search.as_deref() {
        None => {}
        Some(text) if text.chars().count() < SHORTEST_TRIGRAM => {
            for_prefix(&mut where_clause, text);
        }
        Some(text) => for_part(&mut where_clause, engine, text),
    }
    if let Some((key, id)) = after {
        where_clause.add_two("(u.sort_key, u.id) > (?1, ?2)", Bound::Text(key), Bound::Id(id));
    }
    let clause = where_clause.clause();
    let limit = where_clause.bind(Bound::Number(limit));
    let columns = user_columns!();
    (
        format!("SELECT {columns} FROM users u{clause} ORDER BY u.sort_key, u.id LIMIT {limit}"),
        where_clause.values,
    )
}

/// Users whose login or address begins so: a range of each index, since text compares by bytes.
fn for_prefix(filter: &mut Filter, text: &str) {
    let (from, to) = (text.to_owned(), format!("{text}{}", char::MAX));
    filter.add_two(
        "(u.login BETWEEN ?1 AND ?2 OR u.email_key BETWEEN ?1 AND ?2)",
        Bound::Text(from),
        Bound::Text(to),
    );
}

/// Users with this text in what they can be found by. SQLite's index takes a phrase, PostgreSQL's a pattern.
fn for_part(filter: &mut Filter, engine: Engine, text: &str) {
    let text = text.to_lowercase();
    match engine {
        Engine::Sqlite => filter.add(
            "u.id IN (SELECT s.user_id FROM user_search_index i JOIN user_search s ON s.\"row\" = i.rowid \
             WHERE i.text MATCH ?)",
            Bound::Text(format!("\"{}\"", text.replace('"', "\"\""))),
        ),
        Engine::Postgres => filter.add(
            "u.id IN (SELECT s.user_id FROM user_search s WHERE s.text LIKE ?)",
            Bound::Text(format!("%{}%", text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"))),
        ),
    }
}

/// Opaque to callers: the id, then the key, in hexadecimal.
fn write_cursor(key: &str, id: UserId) -> String {
    format!("{}{}", id.0.simple(), hex::encode(key))
}

fn read_cursor(cursor: &str) -> Result<(String, Uuid)> {
    let read = || {
        let (id, key) = cursor.split_at_checked(32)?;
        let id = Uuid::try_parse(id).ok()?;
        let key = String::from_utf8(hex::decode(key).ok()?).ok()?;
        Some((key, id)).filter(|(key, _)| !key.contains('\0'))
    };
    read().ok_or(StoreError::CursorInvalid)
}

/// Every statement that [`list`] can put together.
pub(crate) fn every_statement() -> Vec<Statement> {
    let id = UserId(Uuid::nil());
    let mut found = Vec::new();
    for visible in [Visible::All, Visible::OwnedBy(id), Visible::Only(id)] {
        for search in [None, Some("ab"), Some("abc")] {
            for role in [None, Some(berth_core::role::Role::Admin)] {
                for package in [None, "standard".parse().ok()] {
                    for after in [None, Some((String::from("a"), id.0))] {
                        let filter = UserFilter {
                            search: search.map(str::to_owned),
                            role,
                            package: package.clone(),
                            ..UserFilter::default()
                        };
                        found.push(described(&filter, visible, after.as_ref()));
                    }
                }
            }
        }
    }
    for state in UserState::ALL {
        for suspended in [None, Some(SuspensionReason::Abuse)] {
            let filter = UserFilter { state: Some(*state), suspended, ..UserFilter::default() };
            found.push(described(&filter, Visible::All, None));
        }
    }
    found
}

fn described(filter: &UserFilter, visible: Visible, after: Option<&(String, Uuid)>) -> Statement {
    let text = |engine| statement(engine, filter, visible, after.cloned(), 1).0;
    Statement {
        name: "users::list",
        sqlite: text(Engine::Sqlite).into(),
        postgres: text(Engine::Postgres).into(),
    }
}
