//! `berth egress …`

use berth_core::view::{EgressRuleView, EgressView};
use clap::{Args, Subcommand};
use serde_json::{Map, Value};

use super::change::ChangeArgs;
use super::user::UserArg;
use crate::client::{Request, Session, WaitArgs, decode, follow_change};
use crate::failure::Failure;
use crate::output::{sheet, table};

#[derive(Debug, Subcommand)]
pub(crate) enum EgressCommand {
    /// Show what a user's account may reach, and what was refused lately
    Show(ShowArgs),
    /// Let an account reach something whatever its package says
    Allow(AllowArgs),
    /// Take such a rule away
    Remove(RemoveArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    user: UserArg,
}

#[derive(Debug, Args)]
pub(crate) struct AllowArgs {
    #[command(flatten)]
    user: UserArg,

    /// Address or network, such as 192.0.2.7 or 192.0.2.0/24
    #[arg(long, value_name = "NETWORK")]
    to: String,

    /// Port or range of ports, such as 25 or 1000-2000
    #[arg(long, value_name = "PORT")]
    port: String,

    /// tcp or udp [default: tcp]
    #[arg(long, value_name = "PROTOCOL")]
    protocol: Option<String>,

    /// Why
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,

    #[command(flatten)]
    change: ChangeArgs,

    #[command(flatten)]
    wait: WaitArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RemoveArgs {
    #[command(flatten)]
    user: UserArg,

    /// Id of the rule
    rule: String,

    #[command(flatten)]
    change: ChangeArgs,

    #[command(flatten)]
    wait: WaitArgs,
}

impl AllowArgs {
    /// The body of `POST /users/{user}/egress/rules`.
    pub(super) fn body(&self) -> Value {
        let named = [
            ("network", Some(&self.to)),
            ("port", Some(&self.port)),
            ("protocol", self.protocol.as_ref()),
            ("note", self.note.as_ref()),
        ];
        let given =
            named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.clone().into())));
        Value::Object(given.collect::<Map<_, _>>())
    }
}

impl EgressCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Show(args) => {
                let answer = session.send(Request::get(&["users", &args.user.user, "egress"])).await?;
                let view: EgressView = decode(&answer)?;
                session.console.answer(&answer, || shown(&view));
                Ok(())
            }
            Self::Allow(args) => {
                let user = &args.user.user;
                let request = Request::post(&["users", user, "egress", "rules"], args.body());
                let Some(answer) = args.change.send(session, request).await? else { return Ok(()) };
                let view: EgressRuleView = decode(&answer)?;
                session.console.answer(&answer, || {
                    sheet([
                        ("id", Some(view.id.to_string())),
                        ("allows", Some(view.rule.to_string())),
                        ("note", view.note.as_ref().map(ToString::to_string)),
                    ])
                });
                follow_change(session, user, &args.wait).await
            }
            Self::Remove(args) => {
                let user = &args.user.user;
                let request = Request::delete(&["users", user, "egress", "rules", &args.rule]);
                let Some(answer) = args.change.send(session, request).await? else { return Ok(()) };
                session.console.answer(&answer, || format!("rule {} is removed", args.rule));
                follow_change(session, user, &args.wait).await
            }
        }
    }
}

/// Policy, rules and refusals for people.
fn shown(view: &EgressView) -> String {
    let refused = (view.refused > 0).then(|| format!("{} packets", view.refused));
    let mut text = sheet([
        ("policy", Some(view.policy.as_str().to_owned())),
        ("on the node", view.state.as_ref().map(|state| state.as_str().to_owned())),
        ("refused", refused),
    ]);
    if !view.rules.is_empty() {
        text.push('\n');
        text.push_str(&table(
            ["ID", "ALLOWS", "NOTE"],
            view.rules.iter().map(|rule| {
                let note = rule.note.as_ref().map(ToString::to_string).unwrap_or_default();
                [rule.id.to_string(), rule.rule.to_string(), note]
            }),
        ));
    }
    let blocked = view.blocked.iter().map(|blocked| format!("blocked: {blocked}"));
    std::iter::once(text).chain(blocked).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn refusals_read_as_sentences() {
        let view: EgressView = decode(&json!({
            "account": "01890a5d-ac96-774b-bcce-b302099a8057", "policy": "web", "refused": 15,
            "rules": [{
                "id": "01890a5d-ac96-774b-bcce-b302099a8057", "network": "192.0.2.0/24", "port": "25",
                "protocol": "tcp", "note": "the relay", "created_at": "2026-01-01T00:00:00Z"
            }],
            "blocked": [{"to": "192.0.2.7", "port": 25, "protocol": "tcp", "times": 14}],
            "state": {"state": "converged"}
        }))
        .unwrap();
        let text = shown(&view);
        for part in ["policy", "web", "converged", "15 packets", "25/tcp to 192.0.2.0/24", "the relay"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(text.ends_with("blocked: 25/tcp to 192.0.2.7, 14 times"), "{text}");
    }
}
