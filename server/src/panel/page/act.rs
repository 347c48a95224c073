//! What can be done with a user: each act is a page that says what it does, asks for what it needs, and calls
//! one verb.

use askama::Template;
use berth_core::command::SuspendUser;
use berth_core::mode::Mode;
use berth_core::policy::{Action, Decision, Relation, decide};
use berth_core::role::{Role, UserRef};
use berth_core::standing::UserState;
use berth_core::suspension::SuspensionReason;
use berth_core::view::UserView;
use berth_core::{Code, Parse, Problem, Problems};

use crate::app::{self, Outcome};
use crate::panel::answer::{Answer, Refused, again, page, see};
use crate::panel::form::{Form, Sent};
use crate::panel::shell::Shell;
use crate::panel::visitor::Visitor;
use crate::panel::words::Words;

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
    /// Of which users it is offered.
    of: Offered,
}

/// Of which users an act is offered; the verb decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Offered {
    /// Of everybody who is not in the trash.
    Present,
    /// Of those with an account.
    Hosted,
    /// Of those who are suspended.
    Suspended,
    /// Of those in the trash.
    Trashed,
}

impl Offered {
    fn is_of(self, user: &UserView) -> bool {
        let present = matches!(user.state, UserState::Active | UserState::Suspended);
        match self {
            Self::Present => present,
            Self::Hosted => present && user.account.is_some(),
            Self::Suspended => user.state == UserState::Suspended,
            Self::Trashed => user.state == UserState::Trashed,
        }
    }
}

const ACTS: &[Act] = &[
    act("role", Action::UserSetRole, Offered::Present),
    act("suspend", Action::UserSuspend, Offered::Present),
    act("activate", Action::UserActivate, Offered::Suspended),
    Act { quick: false, ..act("sftp", Action::SftpSet, Offered::Hosted) },
    Act { grave: true, ..act("delete", Action::UserDelete, Offered::Present) },
    act("restore", Action::UserRestore, Offered::Trashed),
];

const fn act(key: &'static str, action: Action, of: Offered) -> Act {
    Act { key, path: key, grave: false, quick: true, action, of }
}

/// An input of the page of an act.
pub(crate) enum Input {
    /// One of several: its name, label, help, and values with their words.
    Pick(&'static str, String, String, Vec<(String, String)>),
    /// A line: its name, label and help.
    Text(&'static str, String, String),
    /// The name of what is going to be destroyed: label and name.
    Name(String, String),
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
        .filter(|act| act.of.is_of(user))
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
    page(&view(&v, &user, act, Form::new(&defaults)).await)
}

/// `POST /users/{user}/{act}`
pub(crate) async fn perform(v: &Visitor, sent: &Sent, user: UserView, act: Act) -> Answer {
    match run(v, &user, act, sent).await {
        Ok(()) => Ok(see(&format!("/users/{}?done={}", user.id, act.key))),
        Err(problems) => {
            let view = view(v, &user, act, Form::default()).await;
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
        "suspend" => {
            let command = SuspendUser::parse(sent.fields(&["reason", "level", "message"], &[]))?;
            app::suspend_user(&v.ctx, &named, command, Mode::Apply).await?;
        }
        "activate" => {
            let reason = match sent.text("reason") {
                "" | "all" => None,
                text => Some(SuspensionReason::parse(text).map_err(|problem| problem.at("reason"))?),
            };
            app::activate_user(&v.ctx, &named, reason, Mode::Apply).await?;
        }
        "delete" if sent.text("confirm").trim() != called(user) => {
            let detail = format!("this is not the name of {}", user.display_name);
            return Err(Problem::new(Code::ValueInvalid, detail).at("confirm").into());
        }
        "delete" => {
            app::delete_user(&v.ctx, &named, Mode::Apply).await?;
        }
        "restore" => {
            app::restore_user(&v.ctx, &named, Mode::Apply).await?;
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

async fn view(v: &Visitor, user: &UserView, act: Act, f: Form) -> ActPage {
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
        "suspend" => {
            let reasons = ["operator", "billing", "abuse"];
            let reasons =
                reasons.into_iter().map(|reason| (reason.to_owned(), words.of("reason", reason))).collect();
            let levels = ["full", "login"];
            let levels =
                levels.into_iter().map(|level| (level.to_owned(), words.of("level", level))).collect();
            (
                vec![words.with("suspend-explained", "name", &name)],
                vec![
                    Input::Pick("reason", words.t("field-reason"), String::new(), reasons),
                    Input::Pick("level", words.t("field-level"), words.t("help-level"), levels),
                    Input::Text("message", words.t("field-message"), words.t("help-message")),
                ],
            )
        }
        "activate" => {
            let mut reasons = vec![("all".to_owned(), words.t("reason-all"))];
            reasons.extend(
                user.suspensions
                    .iter()
                    .map(|suspension| (suspension.reason.to_string(), words.of("reason", suspension.reason))),
            );
            (
                vec![words.with("activate-explained", "name", &name)],
                vec![Input::Pick("reason", words.t("field-reason"), String::new(), reasons)],
            )
        }
        "delete" => {
            let mut lines = vec![words.with("delete-explained", "name", &name)];
            lines.extend(planned(app::delete_user(&v.ctx, &UserRef::Id(user.id), Mode::Plan).await, words));
            let called = called(user);
            (lines, vec![Input::Name(words.with("delete-confirm", "name", &called), called)])
        }
        "restore" => (vec![words.with("restore-explained", "name", &name)], Vec::new()),
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

/// What people type to say whom they mean.
fn called(user: &UserView) -> String {
    user.username.as_ref().map_or_else(|| user.email.to_string(), ToString::to_string)
}

/// The answer of a verb that was asked for its plan, or why it would be refused.
fn planned<T>(answer: Result<Outcome<T>, Problems>, words: Words) -> Vec<String> {
    match answer {
        Ok(Outcome::Planned(plan)) => plan
            .changes
            .iter()
            .filter_map(|step| Some(format!("{} {}: {}", step.what, step.name, step.detail.as_deref()?)))
            .collect(),
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(|problem| words.problem(problem)).collect(),
    }
}

impl Input {
    fn name(&self) -> &'static str {
        match self {
            Self::Pick(name, ..) | Self::Text(name, ..) => name,
            Self::Name(..) => "confirm",
        }
    }
}
