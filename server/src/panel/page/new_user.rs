//! `/users/new`: the form with a preview of what it would make, and what follows after it.

use askama::Template;
use axum::http::StatusCode;
use berth_core::command::CreateUser;
use berth_core::mode::Mode;
use berth_core::policy::{Action, Decision, Relation, decide};
use berth_core::role::Role;
use berth_core::view::PlanView;
use berth_core::{Fields, Problems};

use super::created;
use crate::app::{self, Outcome};
use crate::panel::answer::{Answer, again, page, with_status};
use crate::panel::form::{Form, Sent};
use crate::panel::shell::Shell;
use crate::panel::visitor::{Posted, Visitor};
use crate::panel::words::Words;

const TEXTS: &[&str] =
    &["display_name", "email", "role", "username", "primary_domain", "package", "password"];
const BOXES: &[&str] = &["sftp", "welcome_email"];
const SHOWN: &[&str] = &[
    "display_name",
    "email",
    "role",
    "username",
    "primary_domain",
    "package",
    "password",
    "sftp",
    "welcome_email",
];

#[derive(Template)]
#[template(path = "user_new.html")]
struct NewUser {
    s: Shell,
    f: Form,
    roles: Vec<Role>,
    packages: Vec<(String, String)>,
    plan: Preview,
}

#[derive(Template)]
#[template(path = "user_new_preview.html")]
struct PreviewOnly {
    s: Shell,
    plan: Preview,
}

/// What would happen, in words.
#[derive(Default)]
pub(crate) struct Preview {
    pub(crate) steps: Vec<Step>,
    pub(crate) limits: Vec<(String, String)>,
    /// What is still missing before anything can be said.
    pub(crate) missing: Vec<String>,
}

pub(crate) struct Step {
    pub(crate) what: String,
    pub(crate) name: String,
    pub(crate) detail: String,
}

/// `GET /users/new`
pub(crate) async fn ask(v: Visitor) -> Answer {
    let defaults = [("role", "user"), ("package", "standard"), ("sftp", "on"), ("welcome_email", "on")];
    page(&form(&v, Form::new(&defaults), Preview::default()).await?)
}

/// `POST /users/new/preview`, while somebody types.
pub(crate) async fn preview(Posted { v, sent }: Posted) -> Answer {
    let plan = planned(&v, &sent).await;
    page(&PreviewOnly { s: v.shell("users", ""), plan })
}

/// `POST /users/new`
pub(crate) async fn create(Posted { v, sent }: Posted) -> Answer {
    match attempt(&v, &sent, Mode::Apply).await {
        Ok(Outcome::Done(created)) => with_status(StatusCode::CREATED, &created::Created::new(&v, created)),
        Ok(Outcome::Planned(_) | Outcome::Checked) => ask(v).await,
        Err(problems) => {
            if let Some(other) = problems.iter().find(|problem| problem.code.http_status() >= 500) {
                tracing::warn!(code = %other.code, "a user could not be created");
            }
            let f = Form::refused(&sent, SHOWN, &problems, v.words);
            let plan = planned(&v, &sent).await;
            again(&form(&v, f, plan).await?)
        }
    }
}

async fn attempt(
    v: &Visitor,
    sent: &Sent,
    mode: Mode,
) -> Result<Outcome<berth_core::view::CreatedUser>, Problems> {
    app::create_user(&v.ctx, CreateUser::parse(fields(sent))?, mode).await
}

/// A person without username and domain has no package either, whatever the list in the form stands on.
fn fields(sent: &Sent) -> Fields {
    let person_only = sent.text("role") == Role::Admin.as_str()
        && sent.text("username").trim().is_empty()
        && sent.text("primary_domain").trim().is_empty();
    let texts: Vec<&str> =
        TEXTS.iter().copied().filter(|name| !(person_only && *name == "package")).collect();
    sent.fields(&texts, BOXES)
}

async fn planned(v: &Visitor, sent: &Sent) -> Preview {
    match attempt(v, sent, Mode::Plan).await {
        Ok(Outcome::Planned(plan)) => described(&plan, v.words),
        Ok(_) => Preview::default(),
        Err(problems) => Preview {
            missing: problems.iter().map(|problem| v.words.problem(problem)).collect(),
            ..Preview::default()
        },
    }
}

pub(crate) fn described(plan: &PlanView, words: Words) -> Preview {
    let steps = plan
        .changes
        .iter()
        .map(|step| Step {
            what: words.of("what", step.what.replace(['_', ' '], "-")),
            name: step.name.clone(),
            detail: step.detail.clone().unwrap_or_default(),
        })
        .collect();
    let limits = plan.limits.iter().flat_map(berth_core::package::Bounds::iter);
    let limits = limits
        .map(|(name, bound)| {
            let shown = match bound {
                berth_core::package::Bound::Unlimited => words.t("unlimited"),
                berth_core::package::Bound::Max(max) => max.to_string(),
            };
            (words.of("limit", name), shown)
        })
        .collect();
    Preview { steps, limits, missing: Vec::new() }
}

async fn form(v: &Visitor, f: Form, plan: Preview) -> Result<NewUser, Problems> {
    let admin = decide(&v.ctx.actor, Action::UserSetRole, Relation::Foreign) == Decision::Allow;
    let roles = if admin { vec![Role::User, Role::Reseller, Role::Admin] } else { vec![Role::User] };
    let packages = app::list_packages(&v.ctx).await?;
    let packages =
        packages.into_iter().map(|package| (package.name.to_string(), package.name.to_string())).collect();
    Ok(NewUser { s: v.shell("users", v.words.t("new-title")), f, roles, packages, plan })
}
