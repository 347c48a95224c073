//! `/styleguide`: every component in every state, in both themes.

use askama::Template;
use berth_core::condition::Resource;
use berth_core::policy::{Action, Decision, Relation, decide};
use berth_core::{Code, Problem, Problems};
use chrono::TimeDelta;

use super::new_user::{Preview, Step};
use super::person::{Happened, Tile};
use crate::panel::answer::{Answer, Refused, page};
use crate::panel::form::{Form, Sent};
use crate::panel::shell::Shell;
use crate::panel::visitor::Visitor;

#[derive(Template)]
#[template(path = "styleguide.html")]
struct StyleGuide {
    s: Shell,
    f: Form,
    tiles: Vec<Tile>,
    states: Vec<&'static str>,
    events: Vec<Happened>,
    plan: Preview,
    nothing: Preview,
    icons: Vec<&'static str>,
}

/// `GET /styleguide`, for operators.
pub(crate) async fn show(v: Visitor) -> Answer {
    if decide(v.actor(), Action::SettingsEdit, Relation::Installation) != Decision::Allow {
        return Err(Refused::new(Code::NotFound, "there is nothing at this address"));
    }
    let now = v.ctx.app.clock.now();
    let problems: Problems = Problem::new(Code::EmailInvalid, "no @").at("bad").into();
    let mut f = Form::refused(&Sent::default(), &["bad"], &problems, v.words);
    f.set("good", "alice@example.com");
    f.set("bad", "alice at example");
    f.set("on", "on");
    let states = ["pending", "converged", "unsupported", "failed"];
    let tiles = Resource::ALL.iter().zip(states.iter().cycle());
    let tiles =
        tiles.map(|(resource, state)| Tile { resource: *resource, state, problem: String::new() }).collect();
    let event = |minutes: i64, refused: bool, sentence: String| Happened {
        sentence,
        at: now - TimeDelta::minutes(minutes),
        refused,
        detail: "{\n  \"sequence\": 7\n}".to_owned(),
    };
    let sentence = |key: &str| {
        let named = [("actor", "admin"), ("subject", "alice")];
        v.words.find_with(key, &named).unwrap_or_default()
    };
    let step = |what: &str, name: &str| Step {
        what: v.words.of("what", what),
        name: name.to_owned(),
        detail: String::new(),
    };
    page(&StyleGuide {
        s: v.shell("", "Styleguide"),
        f,
        tiles,
        states: vec![
            "converged",
            "pending",
            "provisioning",
            "unsupported",
            "failed",
            "active",
            "person",
            "on",
            "off",
        ],
        events: vec![
            event(1, false, sentence("done-user-create")),
            event(300, true, sentence("done-user-set-role")),
        ],
        plan: Preview {
            steps: vec![step("home", "/home/alice"), step("domain", "alicesite.com")],
            ..Preview::default()
        },
        nothing: Preview::default(),
        icons: vec![
            "users",
            "overview",
            "sites",
            "keys",
            "databases",
            "timers",
            "egress",
            "mail",
            "plans",
            "nodes",
            "activity",
            "audit",
            "settings",
            "invitations",
            "profile",
        ],
    })
}
