//! What an account has: sites, keys, timers, and what it may reach. The same pages for its owner and, below
//! `/users`, for operators.

use askama::Template;
use axum::extract::{Path, RawQuery};
use berth_core::command::{AddDomain, AddEgressRule, AddSshKey, AddTimer};
use berth_core::log::LogKind;
use berth_core::mode::Mode;
use berth_core::name::Fqdn;
use berth_core::policy::{Action, Decision, decide};
use berth_core::role::UserRef;
use berth_core::timer::TimerName;
use berth_core::view::{DomainView, EgressView, SshKeyView, TimerView, UserView};
use berth_core::{Code, Fields, Parse, Problems};

use super::act::relation;
use super::person::{Person, person};
use crate::app::{self, ReadLog};
use crate::panel::answer::{Answer, Refused, again, page, see};
use crate::panel::form::{Form, Sent};
use crate::panel::shell::Shell;
use crate::panel::visitor::{Posted, Visitor};

/// What the four pages share: for whom they are, and the form for one more entry.
struct Common {
    /// The head of the user's page; none if the visitor looks at their own.
    p: Option<Person>,
    f: Form,
    base: String,
    may_add: bool,
    may_remove: bool,
}

#[derive(Template)]
#[template(path = "hosting_sites.html")]
struct Sites {
    s: Shell,
    c: Common,
    domains: Vec<DomainView>,
}

#[derive(Template)]
#[template(path = "hosting_keys.html")]
struct Keys {
    s: Shell,
    c: Common,
    sftp: bool,
    keys: Vec<SshKeyView>,
}

#[derive(Template)]
#[template(path = "hosting_timers.html")]
struct Timers {
    s: Shell,
    c: Common,
    timers: Vec<TimerView>,
}

#[derive(Template)]
#[template(path = "hosting_egress.html")]
struct Egress {
    s: Shell,
    c: Common,
    view: EgressView,
}

#[derive(Template)]
#[template(path = "hosting_site.html")]
struct Site {
    s: Shell,
    base: String,
    list: String,
    domain: DomainView,
    may_verify: bool,
    may_approve: bool,
    may_remove: bool,
    kinds: Vec<&'static str>,
    kind: &'static str,
    log: Result<String, String>,
}

/// The pages by the last part of their address, with the actions that add and remove an entry.
const TABS: &[(&str, Action, Action)] = &[
    ("sites", Action::DomainAdd, Action::DomainRemove),
    ("keys", Action::SshKeyAdd, Action::SshKeyRemove),
    ("timers", Action::TimerAdd, Action::TimerRemove),
    ("egress", Action::EgressRuleAdd, Action::EgressRuleRemove),
];

/// Fields of the form of a page.
const fn fields_of(tab: &str) -> &'static [&'static str] {
    match tab.as_bytes() {
        b"sites" => &["domain"],
        b"keys" => &["key"],
        b"timers" => &["name", "schedule", "command"],
        _ => &["network", "port", "protocol", "note"],
    }
}

/// `GET /sites`, `/keys`, `/timers` and `/egress`: the visitor's own.
pub(crate) async fn own_sites(v: Visitor) -> Answer {
    own(v, "sites").await
}

pub(crate) async fn own_keys(v: Visitor) -> Answer {
    own(v, "keys").await
}

pub(crate) async fn own_timers(v: Visitor) -> Answer {
    own(v, "timers").await
}

pub(crate) async fn own_egress(v: Visitor) -> Answer {
    own(v, "egress").await
}

async fn own(v: Visitor, tab: &'static str) -> Answer {
    let me = v.me.clone();
    if me.account.is_none() {
        return Ok(see("/profile"));
    }
    show(&v, &me, tab, Form::default()).await
}

/// `GET /users/{user}/{tab}`
pub(crate) async fn tab(v: &Visitor, user: UserView, tab: &str) -> Answer {
    show(v, &user, tab, Form::default()).await
}

async fn show(v: &Visitor, user: &UserView, tab: &str, f: Form) -> Answer {
    let Some((tab, add, remove)) = TABS.iter().find(|(name, ..)| *name == tab).copied() else {
        return Err(Refused::new(Code::NotFound, "there is nothing at this address"));
    };
    let own = user.id == v.me.id;
    let relation = relation(v, user);
    let may = |action| decide(v.actor(), action, relation) == Decision::Allow;
    let p = if own { None } else { Some(person(v, user, tab).await?) };
    let title = v.words.of("nav", tab);
    let s = v.shell(if own { tab } else { "users" }, title);
    let refused = f.is_refused();
    let c = Common { p, f, base: format!("/users/{}", user.id), may_add: may(add), may_remove: may(remove) };
    let named = UserRef::Id(user.id);
    match tab {
        "sites" => answer(refused, &Sites { s, c, domains: app::list_domains(&v.ctx, &named).await? }),
        "keys" => {
            let sftp = user.account.as_ref().is_some_and(|account| account.sftp);
            answer(refused, &Keys { s, c, sftp, keys: app::list_ssh_keys(&v.ctx, &named).await? })
        }
        "timers" => answer(refused, &Timers { s, c, timers: app::list_timers(&v.ctx, &named).await? }),
        _ => answer(refused, &Egress { s, c, view: app::show_egress(&v.ctx, &named).await? }),
    }
}

/// A page, or the same with a form that was refused.
fn answer(refused: bool, template: &impl Template) -> Answer {
    if refused { again(template) } else { page(template) }
}

/// `POST /users/{user}/sites`, `/keys`, `/timers` and `/egress`: one more entry.
pub(crate) async fn add(v: &Visitor, sent: &Sent, user: &UserView, tab: &str) -> Answer {
    let names = fields_of(tab);
    match attempt(v, user, tab, sent.fields(names, &[])).await {
        Ok(()) => Ok(see(&format!("{}?done=added", place(v, user, tab)))),
        Err(problems) => show(v, user, tab, Form::refused(sent, names, &problems, v.words)).await,
    }
}

async fn attempt(v: &Visitor, user: &UserView, tab: &str, fields: Fields) -> Result<(), Problems> {
    let named = UserRef::Id(user.id);
    match tab {
        "sites" => app::add_domain(&v.ctx, &named, AddDomain::parse(fields)?, Mode::Apply).await.map(drop),
        "keys" => app::add_ssh_key(&v.ctx, &named, AddSshKey::parse(fields)?, Mode::Apply).await.map(drop),
        "timers" => app::add_timer(&v.ctx, &named, AddTimer::parse(fields)?, Mode::Apply).await.map(drop),
        _ => app::add_egress_rule(&v.ctx, &named, AddEgressRule::parse(fields)?, Mode::Apply).await.map(drop),
    }
}

/// `POST /users/{user}/{tab}/{entry}/{verb}`
pub(crate) async fn change(
    Path((user, tab, entry, verb)): Path<(String, String, String, String)>,
    Posted { v, .. }: Posted,
) -> Answer {
    let user = app::show_user(&v.ctx, &UserRef::parse(&user)?).await?;
    let named = UserRef::Id(user.id);
    let ctx = &v.ctx;
    let back = place(&v, &user, &tab);
    let (back, done) = match (tab.as_str(), verb.as_str()) {
        ("sites", "remove") => {
            app::remove_domain(ctx, &named, &Fqdn::parse(&entry)?, Mode::Apply).await?;
            (back, "removed")
        }
        ("sites", "verify") => {
            app::verify_domain(ctx, &named, &Fqdn::parse(&entry)?, Mode::Apply).await?;
            (format!("/users/{}/sites/{entry}", user.id), "looked")
        }
        ("sites", "approve") => {
            app::approve_domain(ctx, &named, &Fqdn::parse(&entry)?, Mode::Apply).await?;
            (format!("/users/{}/sites/{entry}", user.id), "saved")
        }
        ("keys", "remove") => {
            app::remove_ssh_key(ctx, &named, &entry, Mode::Apply).await?;
            (back, "removed")
        }
        ("timers", "remove") => {
            app::remove_timer(ctx, &named, &TimerName::parse(&entry)?, Mode::Apply).await?;
            (back, "removed")
        }
        ("timers", "run") => {
            app::run_timer(ctx, &named, &TimerName::parse(&entry)?, Mode::Apply).await?;
            (back, "started")
        }
        ("egress", "remove") => {
            let rule =
                entry.parse().map_err(|_| Refused::new(Code::EgressRuleNotFound, "there is no such rule"))?;
            app::remove_egress_rule(ctx, &named, rule, Mode::Apply).await?;
            (back, "removed")
        }
        _ => return Err(Refused::new(Code::NotFound, "there is nothing at this address")),
    };
    Ok(see(&format!("{back}?done={done}")))
}

/// `GET /users/{user}/sites/{fqdn}`
pub(crate) async fn site(
    v: Visitor,
    Path((user, fqdn)): Path<(String, String)>,
    RawQuery(raw): RawQuery,
) -> Answer {
    let user = app::show_user(&v.ctx, &UserRef::parse(&user)?).await?;
    let named = UserRef::Id(user.id);
    let fqdn = Fqdn::parse(&fqdn)?;
    let domain = app::show_domain(&v.ctx, &named, &fqdn).await?;
    let asked = form_urlencoded::parse(raw.as_deref().unwrap_or_default().as_bytes())
        .find(|(name, _)| name == "log")
        .map(|(_, kind)| kind.into_owned());
    let kind = LogKind::ALL.iter().copied().find(|kind| asked.as_deref() == Some(kind.as_str()));
    let kind = kind.unwrap_or(LogKind::Access);
    let lines = ReadLog::parse(Fields::new(serde_json::Map::new()))?;
    let log = match app::read_log(&v.ctx, &named, &fqdn, kind, lines).await {
        Ok(log) => Ok(log.lines.join("\n")),
        Err(problems) => {
            let texts: Vec<String> = problems.iter().map(|problem| v.words.problem(problem)).collect();
            Err(texts.join(" "))
        }
    };
    let relation = relation(&v, &user);
    let may = |action| decide(v.actor(), action, relation) == Decision::Allow;
    let own = user.id == v.me.id;
    let pending = domain.ownership.is_some();
    page(&Site {
        s: v.shell(if own { "sites" } else { "users" }, fqdn.to_string()),
        base: format!("/users/{}/sites/{fqdn}", user.id),
        list: place(&v, &user, "sites"),
        may_verify: pending && may(Action::DomainVerify),
        may_approve: pending && may(Action::DomainApprove),
        may_remove: !domain.primary && may(Action::DomainRemove),
        kinds: LogKind::ALL.iter().map(|kind| kind.as_str()).collect(),
        kind: kind.as_str(),
        domain,
        log,
    })
}

/// Where a list is, for whoever looks at it.
fn place(v: &Visitor, user: &UserView, tab: &str) -> String {
    if user.id == v.me.id { format!("/{tab}") } else { format!("/users/{}/{tab}", user.id) }
}
