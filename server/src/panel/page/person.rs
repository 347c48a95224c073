//! `/users/{user}`: everything about one user.

use std::convert::Infallible;
use std::time::Duration;

use askama::Template;
use axum::extract::{Path, RawQuery};
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use berth_core::Parse;
use berth_core::audit::AuditOutcome;
use berth_core::command::EditUser;
use berth_core::condition::{Condition, ConditionState, Resource};
use berth_core::mode::Mode;
use berth_core::policy::{Action, Decision, Relation, decide};
use berth_core::role::{Role, UserRef};
use berth_core::view::{AccountView, AuditView, LoginView, SecondFactorView, SessionView, UserView};
use chrono::{DateTime, Utc};
use futures_util::stream;

use super::act::{self, Act, acts};
use super::users::state_of;
use crate::app::{self, ListAudit, Wait};
use crate::panel::answer::{Answer, Refused, again, page, see};
use crate::panel::form::Form;
use crate::panel::shell::{Shell, initials};
use crate::panel::visitor::{Posted, Visitor};
use crate::panel::words::Words;

/// How long an event stream waits for news before it says that it is still there.
const NEWS: Duration = Duration::from_secs(20);

/// How many times it does so before the page has to ask again.
const ROUNDS: u32 = 90;

/// Fields of the profile's form.
const PROFILE: &[&str] = &["display_name", "email", "phone", "address", "timezone", "language"];

/// The head of the page.
pub(crate) struct Person {
    pub(crate) base: String,
    pub(crate) name: String,
    pub(crate) initials: String,
    pub(crate) under: String,
    pub(crate) role: Role,
    pub(crate) state: &'static str,
    pub(crate) troubles: Vec<String>,
    pub(crate) tiles: Vec<Tile>,
    pub(crate) actions: Vec<Act>,
    pub(crate) tabs: Vec<Tab>,
}

pub(crate) struct Tab {
    pub(crate) key: &'static str,
    pub(crate) path: &'static str,
    pub(crate) here: bool,
}

/// A part of the account, as small as it gets.
pub(crate) struct Tile {
    pub(crate) resource: Resource,
    pub(crate) state: &'static str,
    pub(crate) problem: String,
}

/// A part of the account, whole.
struct Part {
    resource: Resource,
    state: &'static str,
    problem: String,
    hint: String,
    desired: Vec<(String, String)>,
    observed: Vec<(String, String)>,
}

/// Something that happened.
pub(crate) struct Happened {
    pub(crate) sentence: String,
    pub(crate) at: DateTime<Utc>,
    pub(crate) refused: bool,
    pub(crate) detail: String,
}

#[derive(Template)]
#[template(path = "user_profile.html")]
struct Profile {
    s: Shell,
    p: Person,
    f: Form,
    account: Option<AccountView>,
    created_at: DateTime<Utc>,
    id: String,
}

#[derive(Template)]
#[template(path = "user_resources.html")]
struct Resources {
    s: Shell,
    p: Person,
    resources: Vec<Part>,
    reported_at: Option<DateTime<Utc>>,
}

#[derive(Template)]
#[template(path = "user_activity.html")]
struct Activity {
    s: Shell,
    p: Person,
    events: Vec<Happened>,
    next: Option<String>,
}

#[derive(Template)]
#[template(path = "user_security.html")]
struct Security {
    s: Shell,
    p: Person,
    factor: SecondFactorView,
    sessions: Vec<SessionView>,
    logins: Vec<LoginView>,
    may_end: bool,
}

#[derive(Template)]
#[template(path = "strip.html")]
struct Strip {
    s: Shell,
    tiles: Vec<Tile>,
    base: String,
}

/// `GET /users/{user}`
pub(crate) async fn profile(v: Visitor, Path(user): Path<String>) -> Answer {
    let named = UserRef::parse(&user)?;
    let user = app::show_user(&v.ctx, &named).await?;
    let f = profile_form(&user);
    page(&profile_page(&v, user, f).await?)
}

/// `POST /users/{user}/{tab}`: one more entry of a tab, or an act.
pub(crate) async fn submit(Path((user, tab)): Path<(String, String)>, Posted { v, sent }: Posted) -> Answer {
    let user = app::show_user(&v.ctx, &UserRef::parse(&user)?).await?;
    match tab.as_str() {
        "sites" | "keys" | "timers" | "egress" => super::hosting::add(&v, &sent, &user, &tab).await,
        path => act::perform(&v, &sent, user, act::find(path)?).await,
    }
}

/// `POST /users/{user}/profile`
pub(crate) async fn edit(Path(user): Path<String>, Posted { mut v, sent }: Posted) -> Answer {
    let named = UserRef::parse(&user)?;
    v.ctx.if_match = sent.text("version").parse().ok();
    let changed = match EditUser::parse(sent.fields(PROFILE, &[])) {
        Ok(command) => app::edit_user(&v.ctx, &named, command, Mode::Apply).await,
        Err(problems) => Err(problems),
    };
    let own = v.is_me(&named);
    match changed {
        Ok(_) if own => Ok(see("/profile?done=saved")),
        Ok(_) => Ok(see(&format!("/users/{user}?done=saved"))),
        Err(problems) => {
            let before = app::show_user(&v.ctx, &named).await?;
            let mut f = Form::refused(&sent, PROFILE, &problems, v.words);
            f.set("version", &before.version.to_string());
            if own {
                return again(&super::own::profile_page(&v, &before, f).await?);
            }
            again(&profile_page(&v, before, f).await?)
        }
    }
}

/// `GET /users/{user}/{tab}`: the other tabs, and the pages of acts.
pub(crate) async fn tab(
    v: Visitor,
    Path((user, tab)): Path<(String, String)>,
    RawQuery(raw): RawQuery,
) -> Answer {
    let named = UserRef::parse(&user)?;
    match tab.as_str() {
        "resources" => resources(v, &named).await,
        "security" => security(v, &named).await,
        "activity" => activity(v, &named, raw.as_deref()).await,
        "sites" | "keys" | "timers" | "egress" => {
            let user = app::show_user(&v.ctx, &named).await?;
            super::hosting::tab(&v, user, &tab).await
        }
        path => act::ask(v, &named, act::find(path)?).await,
    }
}

async fn profile_page(v: &Visitor, user: UserView, f: Form) -> Result<Profile, Refused> {
    let p = person(v, &user, "profile").await?;
    Ok(Profile {
        s: v.shell("users", p.name.clone()),
        p,
        f,
        created_at: user.created_at,
        id: user.id.to_string(),
        account: user.account,
    })
}

async fn resources(v: Visitor, named: &UserRef) -> Answer {
    let user = app::show_user(&v.ctx, named).await?;
    let p = person(&v, &user, "resources").await?;
    let s = v.shell("users", p.name.clone());
    let Some(account) = &user.account else {
        return page(&Resources { s, p, resources: Vec::new(), reported_at: None });
    };
    let seen = app::conditions(&v.ctx, named, Wait::default()).await?;
    let resources = seen.conditions.iter().map(|condition| part(account, condition, v.words)).collect();
    page(&Resources { s, p, resources, reported_at: seen.reported_at })
}

async fn security(v: Visitor, named: &UserRef) -> Answer {
    let user = app::show_user(&v.ctx, named).await?;
    let p = person(&v, &user, "security").await?;
    let relation = act::relation(&v, &user);
    page(&Security {
        s: v.shell("users", p.name.clone()),
        p,
        factor: app::show_second_factor(&v.ctx, named).await?,
        sessions: app::list_sessions(&v.ctx, named).await?,
        logins: app::list_logins(&v.ctx, named).await?.into_iter().take(50).collect(),
        may_end: decide(v.actor(), Action::SessionRevoke, relation) == Decision::Allow,
    })
}

async fn activity(v: Visitor, named: &UserRef, raw: Option<&str>) -> Answer {
    let user = app::show_user(&v.ctx, named).await?;
    let p = person(&v, &user, "activity").await?;
    let cursor = cursor_of(raw);
    let command = ListAudit { user: Some(UserRef::Id(user.id)), cursor, limit: 50, ..ListAudit::default() };
    let found = app::list_audit(&v.ctx, command).await?;
    let next = found.next.map(|next| format!("{}/activity?cursor={next}", p.base));
    let events = found.items.iter().map(|entry| happened(entry, v.words)).collect();
    page(&Activity { s: v.shell("users", p.name.clone()), p, events, next })
}

/// `GET /users/{user}/resources/events`: the strip again whenever something of it changes, until the page goes
/// away or the visitor may no longer look.
pub(crate) async fn events(v: Visitor, Path(user): Path<String>) -> Answer {
    let named = UserRef::parse(&user)?;
    app::show_user(&v.ctx, &named).await?;
    let shutdown = v.shutdown.clone();
    let start = Follow { v, named, base: format!("/users/{user}"), mark: None, rounds: 0 };
    let news = stream::unfold(start, async |mut follow| {
        let event = follow.next().await?;
        Some((Ok::<_, Infallible>(event), follow))
    });
    let until = async move { shutdown.begun().await };
    let news = futures_util::StreamExt::take_until(news, Box::pin(until));
    Ok(Sse::new(news).keep_alive(KeepAlive::default()).into_response())
}

struct Follow {
    v: Visitor,
    named: UserRef,
    base: String,
    mark: Option<String>,
    rounds: u32,
}

impl Follow {
    async fn next(&mut self) -> Option<Event> {
        self.rounds += 1;
        if self.rounds > ROUNDS || !self.v.is_still_there().await {
            return None;
        }
        let wait = Wait { wait: NEWS, after_generation: None, since: self.mark.clone() };
        let wait = if self.mark.is_none() { Wait { wait: Duration::ZERO, ..wait } } else { wait };
        let seen = app::conditions(&self.v.ctx, &self.named, wait).await.ok()?;
        let mark = Wait::mark(&seen);
        if self.mark.as_ref() == Some(&mark) {
            return Some(Event::default().comment("nothing new"));
        }
        self.mark = Some(mark);
        let tiles = tiles(&seen.conditions, self.v.words);
        let strip = Strip { s: self.v.shell("users", ""), tiles, base: self.base.clone() };
        Some(Event::default().event("strip").data(strip.render().ok()?))
    }
}

/// The head of the page of a user.
pub(crate) async fn person(v: &Visitor, user: &UserView, here: &str) -> Result<Person, Refused> {
    let words = v.words;
    let login = user.username.as_ref().map(|login| format!("{login} · ")).unwrap_or_default();
    let conditions = match &user.account {
        Some(_) => app::conditions(&v.ctx, &UserRef::Id(user.id), Wait::default()).await?.conditions,
        None => Vec::new(),
    };
    let suspended = user.suspensions.iter().map(|suspension| {
        let reason = words.of("reason", suspension.reason);
        let level = words.of("level", suspension.level);
        let message = suspension.message.as_ref().map(|message| format!(" “{message}”"));
        format!("{}: {reason}. {level}.{}", words.of("state", "suspended"), message.unwrap_or_default())
    });
    let failed = conditions.iter().filter_map(|condition| {
        let ConditionState::Failed(problem) = &condition.state else { return None };
        let part = words.of("resource", condition.resource);
        Some(format!("{part}: {}", words.problem(problem)))
    });
    let troubles = suspended.chain(failed).collect();
    let audits = decide(&v.ctx.actor, Action::AuditRead, Relation::Installation) == Decision::Allow;
    let hosted = user.account.is_some();
    let tabs = [
        ("profile", "", true),
        ("sites", "/sites", hosted),
        ("keys", "/keys", hosted),
        ("timers", "/timers", hosted),
        ("egress", "/egress", hosted),
        ("activity", "/activity", audits),
        ("security", "/security", true),
        ("resources", "/resources", hosted),
    ];
    let tabs = tabs
        .into_iter()
        .filter(|(_, _, shown)| *shown)
        .map(|(key, path, _)| Tab { key, path, here: key == here })
        .collect();
    Ok(Person {
        base: format!("/users/{}", user.id),
        name: user.display_name.to_string(),
        initials: initials(user.display_name.as_str()),
        under: format!("{login}{}", user.email),
        role: user.role,
        state: state_of(user),
        troubles,
        tiles: tiles(&conditions, words),
        actions: acts(v, user),
        tabs,
    })
}

pub(crate) fn tiles(conditions: &[Condition], words: Words) -> Vec<Tile> {
    let tile = |condition: &Condition| Tile {
        resource: condition.resource,
        state: condition.state.as_str(),
        problem: condition.state.problem().map(|problem| words.problem(problem)).unwrap_or_default(),
    };
    conditions.iter().map(tile).collect()
}

fn part(account: &AccountView, condition: &Condition, words: Words) -> Part {
    let problem = condition.state.problem();
    let observed = condition.observed.iter().map(|(name, value)| {
        let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (name.replace('_', " "), shown)
    });
    Part {
        resource: condition.resource,
        state: condition.state.as_str(),
        problem: problem.map(|problem| words.problem(problem)).unwrap_or_default(),
        hint: problem.and_then(|problem| problem.hint.clone()).unwrap_or_default(),
        desired: desired(account, condition.resource, words),
        observed: observed.collect(),
    }
}

/// What was decided about a part, as far as it is the user's own; limits are the package's.
fn desired(account: &AccountView, resource: Resource, words: Words) -> Vec<(String, String)> {
    let package = || (words.t("field-package"), account.package.to_string());
    match resource {
        Resource::Account => vec![
            (words.t("field-username"), account.username.to_string()),
            (words.t("account-uid"), account.uid.to_string()),
        ],
        Resource::Home => vec![(words.t("account-home"), account.home.clone())],
        Resource::Sftp => {
            vec![(words.t("field-sftp"), words.of("state", if account.sftp { "on" } else { "off" }))]
        }
        Resource::Site => vec![(words.t("field-primary-domain"), account.primary_domain.to_string())],
        _ => vec![package()],
    }
}

/// An entry of the audit log as a sentence.
pub(crate) fn happened(entry: &AuditView, words: Words) -> Happened {
    let key = format!("done-{}", entry.action.replace(['.', '_'], "-"));
    let sentence = words
        .find_with(&key, &[("actor", &entry.actor), ("subject", &entry.subject)])
        .unwrap_or_else(|| format!("{} · {} · {}", entry.actor, entry.action, entry.subject));
    let detail = serde_json::json!({
        "sequence": entry.sequence, "at": entry.at, "actor": entry.actor, "action": entry.action,
        "subject": entry.subject, "outcome": entry.outcome, "request": entry.request, "detail": entry.detail,
    });
    Happened {
        sentence,
        at: entry.at,
        refused: entry.outcome == AuditOutcome::Refused,
        detail: serde_json::to_string_pretty(&detail).unwrap_or_default(),
    }
}

/// The profile as it is, for its form.
pub(crate) fn profile_form(user: &UserView) -> Form {
    let optional = |value: Option<String>| value.unwrap_or_default();
    let version = user.version.to_string();
    let phone = optional(user.phone.as_ref().map(ToString::to_string));
    let address = optional(user.address.as_ref().map(ToString::to_string));
    let timezone = optional(user.timezone.as_ref().map(ToString::to_string));
    Form::new(&[
        ("version", &version),
        ("display_name", user.display_name.as_str()),
        ("email", user.email.as_str()),
        ("phone", &phone),
        ("address", &address),
        ("timezone", &timezone),
        ("language", user.language.as_str()),
    ])
}

pub(crate) fn cursor_of(raw: Option<&str>) -> Option<String> {
    form_urlencoded::parse(raw.unwrap_or_default().as_bytes())
        .find(|(name, value)| name == "cursor" && !value.is_empty())
        .map(|(_, value)| value.into_owned())
}
