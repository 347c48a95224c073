//! `/search`: the command bar's answers, and the same as a page.

use askama::Template;
use axum::extract::RawQuery;
use berth_core::command::ListUsers;

use super::act::acts;
use crate::app;
use crate::panel::answer::{Answer, page};
use crate::panel::shell::{Shell, rail};
use crate::panel::visitor::Visitor;

/// How many users are offered.
const MOST: u32 = 8;

#[derive(Template)]
#[template(path = "search.html")]
struct Search {
    s: Shell,
    q: String,
    hits: Vec<Hit>,
}

struct Hit {
    path: String,
    text: String,
    what: String,
}

/// `GET /search`
pub(crate) async fn find(v: Visitor, RawQuery(raw): RawQuery) -> Answer {
    let q = form_urlencoded::parse(raw.unwrap_or_default().as_bytes())
        .find(|(name, _)| name == "q")
        .map(|(_, q)| q.trim().chars().take(100).collect::<String>())
        .unwrap_or_default();
    let mut hits = Vec::new();
    if !q.is_empty() {
        pages(&v, &q, &mut hits);
        users(&v, &q, &mut hits).await?;
    }
    page(&Search { s: v.shell("", v.words.t("search")), q, hits })
}

fn pages(v: &Visitor, q: &str, hits: &mut Vec<Hit>) {
    let wanted = q.to_lowercase();
    for item in rail(v.actor(), &v.me) {
        let text = v.words.of("nav", item.key);
        if text.to_lowercase().contains(&wanted) {
            hits.push(Hit { path: item.path.to_owned(), text, what: v.words.t("search-page") });
        }
    }
}

/// Users whom the words find. If the first word is the name of an act, the others say with whom.
async fn users(v: &Visitor, q: &str, hits: &mut Vec<Hit>) -> Result<(), berth_core::Problems> {
    let (first, rest) = q.split_once(' ').unwrap_or((q, ""));
    let (verb, rest) = (first.to_lowercase(), rest.trim());
    let search = |text: &str| {
        let mut command = ListUsers { limit: MOST, ..ListUsers::default() };
        command.filter.search = Some(text.to_lowercase());
        app::list_users(&v.ctx, command)
    };
    for user in search(q).await?.items {
        let login = user.username.as_ref().map_or_else(|| user.email.to_string(), ToString::to_string);
        hits.push(Hit {
            path: format!("/users/{}", user.id),
            text: user.display_name.to_string(),
            what: login,
        });
    }
    if rest.is_empty() {
        return Ok(());
    }
    for user in search(rest).await?.items {
        for act in acts(v, &user) {
            let word = v.words.of("act", act.key);
            if act.key.starts_with(&verb) || word.to_lowercase().starts_with(&verb) {
                let path = format!("/users/{}/{}", user.id, act.path);
                hits.push(Hit {
                    path,
                    text: format!("{word}: {}", user.display_name),
                    what: v.words.t("search-act"),
                });
            }
        }
    }
    Ok(())
}
