//! What can be done with a user: each act is a page that says what it does, asks for what it needs, and calls
//! one verb.

use askama::Template;
use berth_core::mode::Mode;
use berth_core::policy::{Action, Decision, Relation, decide};
use berth_core::role::{Role, UserRef};
use berth_core::view::UserView;
use berth_core::{Code, Parse, Problem, Problems};

use crate::app;
use crate::panel::answer::{Answer, Refused, again, page, see};
use crate::panel::form::{Form, Sent};
use crate::panel::shell::Shell;
use crate::panel::visitor::Visitor;

/// Something that can be done with a user.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Act {
    /// Its name in the catalogues.
    pub(crate) key: &'static str,
    /// The last part of its address.
    pub(crate) path: &'static str,
    /// Whether it destroys something.
    pub(crate) grave: bool,
    /// Whether the list offers it too.
    pub(crate) quick: bool,
    action: Action,
    /// Whether there must be an account.
    hosted: bool,
}

const ACTS: &[Act] = &[
    Act { key: "role", path: "role", grave: false, quick: true, action: Action::UserSetRole, hosted: false },
    Act { key: "sftp", path: "sftp", grave: false, quick: false, action: Action::SftpSet, hosted: true },
];

/// An input of the page of an act.
pub(crate) enum Input {
    /// One of several: its name, label, help, and values with their words.
    Pick(&'static str, String, String, Vec<(String, String)>),
}

#[derive(Template)]
#[template(path = "user_act.html")]
struct ActPage {
    s: Shell,
    f: Form,
    act: Act,
    base: String,
    name: String,
    title: String,
    lines: Vec<String>,
    inputs: Vec<Input>,
}

/// The acts that the visitor may do with a user.
pub(crate) fn acts(v: &Visitor, user: &UserView) -> Vec<Act> {
    let relation = relation(v, user);
    ACTS.iter()
        .filter(|act| decide(&v.ctx.actor, act.action, relation) == Decision::Allow)
        .filter(|act| !act.hosted || user.account.is_some())
        .copied()
        .collect()
}

/// How a user relates to the visitor; the verb looks again.
pub(crate) fn relation(v: &Visitor, user: &UserView) -> Relation {
    match v.ctx.actor.user_and_role() {
        Some((me, _)) if me == user.id => Relation::Own,
        Some((me, Role::Reseller)) if user.owner == Some(me) => Relation::Managed,
        _ => Relation::Foreign,
    }
}

/// `GET /users/{user}/{act}`
pub(crate) async fn ask(v: Visitor, named: &UserRef, act: Act) -> Answer {
    let user = app::show_user(&v.ctx, named).await?;
    let defaults = defaults(act, &user);
    let defaults: Vec<(&str, &str)> = defaults.iter().map(|(name, value)| (*name, value.as_str())).collect();
    page(&view(&v, &user, act, Form::new(&defaults)))
}

/// `POST /users/{user}/{act}`
pub(crate) async fn perform(v: &Visitor, sent: &Sent, user: UserView, act: Act) -> Answer {
    match run(v, &user, act, sent).await {
        Ok(()) => Ok(see(&format!("/users/{}?done={}", user.id, act.key))),
        Err(problems) => {
            let view = view(v, &user, act, Form::default());
            let shown: Vec<&str> = view.inputs.iter().map(Input::name).collect();
            let f = Form::refused(sent, &shown, &problems, v.words);
            again(&ActPage { f, ..view })
        }
    }
}

/// The act of an address.
pub(crate) fn find(path: &str) -> Result<Act, Refused> {
    let found = ACTS.iter().find(|act| act.path == path).copied();
    found.ok_or_else(|| Refused::new(Code::NotFound, "there is nothing at this address"))
}

async fn run(v: &Visitor, user: &UserView, act: Act, sent: &Sent) -> Result<(), Problems> {
    let named = UserRef::Id(user.id);
    match act.key {
        "role" => {
            let role = Role::parse(sent.text("role")).map_err(|problem| problem.at("role"))?;
            app::set_role(&v.ctx, &named, role, Mode::Apply).await?;
        }
        "sftp" => {
            app::set_sftp(&v.ctx, &named, sent.text("sftp") == "on", Mode::Apply).await?;
        }
        _ => return Err(Problem::new(Code::NotFound, "there is nothing at this address").into()),
    }
    Ok(())
}

fn defaults(act: Act, user: &UserView) -> Vec<(&'static str, String)> {
    match act.key {
        "role" => vec![("role", user.role.to_string())],
        "sftp" => {
            let on = user.account.as_ref().is_some_and(|account| account.sftp);
            vec![("sftp", if on { "on" } else { "off" }.to_owned())]
        }
        _ => Vec::new(),
    }
}

fn view(v: &Visitor, user: &UserView, act: Act, f: Form) -> ActPage {
    let words = v.words;
    let name = user.display_name.to_string();
    let (lines, inputs) = match act.key {
        "role" => {
            let roles = Role::ALL.iter().map(|role| (role.to_string(), words.of("role", role))).collect();
            (
                vec![words.with("role-explained", "name", &name)],
                vec![Input::Pick("role", words.t("field-role"), String::new(), roles)],
            )
        }
        "sftp" => {
            let choices =
                ["on", "off"].into_iter().map(|value| (value.to_owned(), words.of("state", value))).collect();
            (
                vec![words.t("sftp-explained")],
                vec![Input::Pick("sftp", words.t("field-sftp"), String::new(), choices)],
            )
        }
        _ => (Vec::new(), Vec::new()),
    };
    let title = words.of("act", act.key);
    ActPage {
        s: v.shell("users", title.clone()),
        f,
        act,
        base: format!("/users/{}", user.id),
        name,
        title,
        lines,
        inputs,
    }
}

impl Input {
    fn name(&self) -> &'static str {
        match self {
            Self::Pick(name, ..) => name,
        }
    }
}
