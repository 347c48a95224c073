//! `/users`: the list.

use askama::Template;
use axum::extract::RawQuery;
use axum::response::Response;
use berth_core::command::{ListUsers, UserQuery};
use berth_core::condition::Convergence;
use berth_core::role::Role;
use berth_core::standing::UserState;
use berth_core::view::{AccountView, UserView};
use chrono::{DateTime, Utc};
use form_urlencoded::Serializer;

use super::act::{Act, acts};
use crate::app;
use crate::panel::answer::{Answer, download, page};
use crate::panel::shell::{Shell, initials};
use crate::panel::visitor::Visitor;

/// How many users a page shows.
const ON_A_PAGE: &str = "50";

/// How many users an export asks for at a time, and how many pages it holds at most.
const EXPORT_PAGE: &str = "200";
const EXPORT_PAGES: usize = 5_000;

#[derive(Template)]
#[template(path = "users.html")]
struct Users {
    s: Shell,
    q: String,
    export: String,
    problems: Vec<String>,
    chips: Vec<Chip>,
    offers: Vec<Chip>,
    shown: u64,
    rows: Vec<Row>,
    first: bool,
    first_path: String,
    next: Option<String>,
}

/// A filter, with where its link leads.
struct Chip {
    text: String,
    without: String,
}

struct Row {
    path: String,
    initials: String,
    name: String,
    under: String,
    domain: String,
    role: Role,
    package: String,
    node: String,
    state: &'static str,
    created_at: DateTime<Utc>,
    actions: Vec<Act>,
}

/// `GET /users`
pub(crate) async fn list(v: Visitor, RawQuery(raw): RawQuery) -> Answer {
    let (q, cursor) = asked(raw.as_deref());
    let query = UserQuery::read(&q);
    let mut command = query.fields();
    command.0.insert("limit".to_owned(), ON_A_PAGE.into());
    if let Some(cursor) = &cursor {
        command.0.insert("cursor".to_owned(), cursor.as_str().into());
    }
    let words = v.words;
    let listed = match ListUsers::parse(command.into()) {
        Ok(command) => app::list_users(&v.ctx, command).await,
        Err(problems) => Err(problems),
    };
    let (items, next, problems) = match listed {
        Ok(page) => (page.items, page.next, Vec::new()),
        Err(problems) if problems.iter().all(|problem| problem.code.http_status() == 422) => {
            (Vec::new(), None, problems.iter().map(|problem| words.problem(problem)).collect())
        }
        Err(problems) => return Err(problems.into()),
    };
    let chips = query
        .filters()
        .map(|(name, value)| Chip {
            text: format!("{}: {value}", words.of("filter", name)),
            without: address(&query.without(name), None),
        })
        .collect();
    let offers = [("role", "admin"), ("role", "user"), ("state", "suspended"), ("state", "trashed")]
        .into_iter()
        .filter(|(name, _)| !query.has(name))
        .map(|(name, value)| Chip {
            text: format!("{}: {}", words.of("filter", name), words.of(name, value)),
            without: address(&query.with(name, value), None),
        })
        .collect();
    let rows: Vec<Row> = items.iter().map(|user| row(&v, user)).collect();
    let shown = u64::try_from(rows.len()).unwrap_or_default();
    let s = v.shell("users", words.t("users-title"));
    page(&Users {
        s,
        export: format!("/users.csv?{}", pairs(&q, None)),
        first: cursor.is_none(),
        first_path: address(&q, None),
        next: next.map(|next| address(&q, Some(&next))),
        q,
        problems,
        chips,
        offers,
        shown,
        rows,
    })
}

fn row(v: &Visitor, user: &UserView) -> Row {
    let state = state_of(user);
    let actions = acts(v, user).into_iter().filter(|act| act.quick).collect();
    let login = user.username.as_ref().map(ToString::to_string);
    let account = user.account.as_ref();
    let of = |read: fn(&AccountView) -> String| account.map(read).unwrap_or_default();
    Row {
        path: format!("/users/{}", user.id),
        initials: initials(user.display_name.as_str()),
        under: login.map_or_else(|| user.email.to_string(), |login| format!("{login} · {}", user.email)),
        domain: of(|account| account.primary_domain.to_string()),
        package: of(|account| account.package.to_string()),
        node: of(|account| account.node.clone()),
        name: user.display_name.to_string(),
        role: user.role,
        state,
        created_at: user.created_at,
        actions,
    }
}

/// The word for how a user is as a whole.
pub(crate) fn state_of(user: &UserView) -> &'static str {
    if user.state != UserState::Active {
        return user.state.as_str();
    }
    match user.account.as_ref().map(|account| account.state) {
        None => "person",
        Some(Convergence::Provisioning) => "provisioning",
        Some(Convergence::Converged) => "active",
        Some(Convergence::Failed) => "failed",
    }
}

/// `GET /users.csv`
pub(crate) async fn export(v: Visitor, RawQuery(raw): RawQuery) -> Answer {
    let (q, _) = asked(raw.as_deref());
    let query = UserQuery::read(&q);
    let mut text =
        String::from("id,username,email,display_name,role,domain,package,node,state,created_at\r\n");
    let mut cursor: Option<String> = None;
    for _ in 0..EXPORT_PAGES {
        let mut command = query.fields();
        command.0.insert("limit".to_owned(), EXPORT_PAGE.into());
        if let Some(cursor) = &cursor {
            command.0.insert("cursor".to_owned(), cursor.as_str().into());
        }
        let found = app::list_users(&v.ctx, ListUsers::parse(command.into())?).await?;
        for user in &found.items {
            let account = user.account.as_ref();
            let line = [
                user.id.to_string(),
                user.username.as_ref().map(ToString::to_string).unwrap_or_default(),
                user.email.to_string(),
                user.display_name.to_string(),
                user.role.to_string(),
                account.map(|account| account.primary_domain.to_string()).unwrap_or_default(),
                account.map(|account| account.package.to_string()).unwrap_or_default(),
                account.map(|account| account.node.clone()).unwrap_or_default(),
                state_of(user).to_owned(),
                user.created_at.to_rfc3339(),
            ];
            let cells: Vec<String> = line.iter().map(|value| cell(value)).collect();
            text.push_str(&cells.join(","));
            text.push_str("\r\n");
        }
        cursor = found.next;
        if cursor.is_none() {
            break;
        }
    }
    Ok(download("text/csv; charset=utf-8", "users.csv", text)) as Result<Response, _>
}

/// A value in a table that people open with a spreadsheet: one that it would take for a formula is made a
/// text.
fn cell(value: &str) -> String {
    let guard = if value.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{guard}{}\"", value.replace('"', "\"\""))
}

fn asked(raw: Option<&str>) -> (String, Option<String>) {
    let mut q = String::new();
    let mut cursor = None;
    for (name, value) in form_urlencoded::parse(raw.unwrap_or_default().as_bytes()) {
        match name.as_ref() {
            "q" => value.trim().clone_into(&mut q),
            "cursor" if !value.is_empty() => cursor = Some(value.into_owned()),
            _ => {}
        }
    }
    (q, cursor)
}

fn pairs(q: &str, cursor: Option<&str>) -> String {
    let mut text = Serializer::new(String::new());
    if !q.is_empty() {
        text.append_pair("q", q);
    }
    if let Some(cursor) = cursor {
        text.append_pair("cursor", cursor);
    }
    text.finish()
}

fn address(q: &str, cursor: Option<&str>) -> String {
    let pairs = pairs(q, cursor);
    if pairs.is_empty() { "/users".to_owned() } else { format!("/users?{pairs}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spreadsheet_runs_nothing() {
        for (value, expected) in [
            ("alice", "\"alice\""),
            ("=cmd()", "\"'=cmd()\""),
            ("+49", "\"'+49\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
        ] {
            assert_eq!(cell(value), expected);
        }
    }
}
