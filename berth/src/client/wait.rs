//! Following an account until its node shows what was asked for.

use std::collections::BTreeMap;
use std::time::Duration;

use berth_core::condition::{Condition, ConditionState, Convergence, Resource};
use berth_core::problem::ExitCode;
use berth_core::view::ConditionsView;
use berth_core::{Code, Problem};
use clap::Args;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tokio::time::Instant;

use super::{Request, Session, decode};
use crate::failure::Failure;
use crate::output::{Console, clean};

/// Whether to wait for the node.
#[derive(Debug, Clone, Args)]
pub(crate) struct WaitArgs {
    /// Wait until the node has done it, and show how far it is
    #[arg(long)]
    pub(crate) wait: bool,

    /// How long to wait, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) timeout: u64,
}

impl WaitArgs {
    /// The time limit.
    pub(crate) fn limit(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }
}

/// How following an account ended.
#[derive(Debug)]
pub(crate) struct Followed {
    /// The last state that was seen, if the server answered at all.
    pub(crate) view: Option<ConditionsView>,
    /// What keeps the account from being as it shall be.
    pub(crate) problems: Vec<Problem>,
}

impl Followed {
    /// Success if everything converged; what a host can't do is a warning only.
    pub(crate) fn result(self) -> Result<(), Failure> {
        for condition in self.view.iter().flat_map(|view| &view.conditions) {
            if let ConditionState::Unsupported(problem) = &condition.state {
                Console::note(format!("warning: {} is not supported here: {problem}", condition.resource));
            }
        }
        if self.problems.is_empty() { Ok(()) } else { Err(Failure::not_converged(self.problems)) }
    }
}

/// How long the server may hold a question back while nothing changes.
const HOLD: Duration = Duration::from_secs(10);

/// Follows a change to an account, if the caller wants to wait.
pub(crate) async fn follow_change(session: &Session, user: &str, wait: &WaitArgs) -> Result<(), Failure> {
    if !wait.wait {
        return Ok(());
    }
    follow(session, user, wait.limit()).await?.result()
}

/// Asks for the conditions of a user's account until they are settled or the time is up. Interrupting stops
/// the waiting, not the change, so that what was answered before can still be printed.
pub(crate) async fn follow(session: &Session, user: &str, limit: Duration) -> Result<Followed, Failure> {
    let deadline = Instant::now() + limit;
    let mut progress = Progress::new();
    let mut last: Option<ConditionsView> = None;
    let mut trouble: Option<Failure> = None;
    let mut mark: Option<String> = None;
    let outcome = loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break Some(unsettled(last.as_ref(), trouble.as_ref(), limit));
        }
        // The first answer comes at once; each later one as soon as anything differs from the one before.
        let hold = mark.as_ref().map(|_| HOLD.min(left).as_millis());
        let asking = session.send_marked(
            Request::get(&["users", user, "conditions"]).query("wait_ms", hold).query("since", mark.as_ref()),
        );
        let answer = tokio::select! {
            answer = asking => answer.and_then(|(answer, tag)| {
                mark = tag;
                decode::<ConditionsView>(&answer).map(of_this_generation)
            }),
            _ = tokio::signal::ctrl_c() => break Some(vec![interrupted()]),
        };
        match answer {
            Ok(view) => {
                progress.show(&view.conditions);
                let settled = view.state != Convergence::Provisioning;
                last = Some(view);
                trouble = None;
                if settled {
                    break None;
                }
                // A server that does not hold the question back must not be asked in a busy loop.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            // The server may be restarting; the change is stored, so there is nothing to lose by asking again.
            Err(failure) if failure.exit == ExitCode::Unavailable => {
                trouble = Some(failure);
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            Err(failure) => {
                progress.end();
                return Err(failure);
            }
        }
    };
    progress.end();
    let problems = outcome.unwrap_or_else(|| failed(last.as_ref()));
    Ok(Followed { view: last, problems })
}

/// What a node said of an earlier generation says nothing about what was asked for: until it has looked at
/// this one, everything is pending.
fn of_this_generation(mut view: ConditionsView) -> ConditionsView {
    if view.observed_generation < view.generation {
        for condition in &mut view.conditions {
            *condition = Condition::new(condition.resource, ConditionState::Pending);
        }
    }
    view
}

/// The failed resources of a settled account.
fn failed(view: Option<&ConditionsView>) -> Vec<Problem> {
    let conditions = view.iter().flat_map(|view| &view.conditions);
    conditions
        .filter_map(|condition| match &condition.state {
            ConditionState::Failed(problem) => Some(Problem {
                field: problem.field.clone().or_else(|| Some(condition.resource.to_string())),
                ..problem.clone()
            }),
            _ => None,
        })
        .collect()
}

fn unsettled(view: Option<&ConditionsView>, trouble: Option<&Failure>, limit: Duration) -> Vec<Problem> {
    let seconds = limit.as_secs();
    let detail = match (trouble, view) {
        (Some(failure), _) => format!("no answer after {seconds} s: {}", failure.document.detail),
        (None, Some(view)) => {
            let pending: Vec<&str> = view
                .conditions
                .iter()
                .filter(|condition| condition.state == ConditionState::Pending)
                .map(|condition| condition.resource.as_str())
                .collect();
            let what = if pending.is_empty() { "everything".to_owned() } else { pending.join(", ") };
            format!("the node is not done after {seconds} s; waiting for {what}")
        }
        (None, None) => format!("the node is not done after {seconds} s"),
    };
    vec![
        Problem::new(Code::Timeout, detail)
            .hint("the change is stored and the node goes on with it; look at `berth node list`"),
    ]
}

fn interrupted() -> Problem {
    Problem::new(Code::Timeout, "interrupted while waiting")
        .hint("the change is stored and the node goes on with it")
}

/// Lines that show every resource: redrawn on a terminal, otherwise one line whenever a state is new.
struct Progress {
    bars: Option<MultiProgress>,
    lines: BTreeMap<Resource, ProgressBar>,
    said: BTreeMap<Resource, String>,
}

impl Progress {
    fn new() -> Self {
        let bars = Console::is_live().then(MultiProgress::new);
        Self { bars, lines: BTreeMap::new(), said: BTreeMap::new() }
    }

    fn show(&mut self, conditions: &[Condition]) {
        for condition in conditions {
            let state = condition.state.as_str();
            if let Some(bars) = &self.bars {
                let line = self.lines.entry(condition.resource).or_insert_with(|| {
                    let line = bars.add(ProgressBar::new_spinner());
                    line.set_prefix(condition.resource.as_str());
                    if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix:10} {wide_msg}") {
                        line.set_style(style.tick_chars("|/-\\ "));
                    }
                    line.enable_steady_tick(Duration::from_millis(120));
                    line
                });
                let problem = condition.state.problem().map(|problem| format!(": {problem}"));
                line.set_message(clean(&format!("{state}{}", problem.unwrap_or_default())));
            } else if condition.state != ConditionState::Pending
                && self.said.get(&condition.resource).is_none_or(|said| said != state)
            {
                self.said.insert(condition.resource, state.to_owned());
                Console::note(format!("{} {state}", condition.resource));
            }
        }
    }

    fn end(&self) {
        for line in self.lines.values() {
            line.abandon();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(conditions: Vec<Condition>, state: Convergence) -> ConditionsView {
        ConditionsView {
            account: berth_core::id::AccountId(uuid::Uuid::nil()),
            generation: 1,
            observed_generation: 1,
            state,
            reported_at: None,
            conditions,
        }
    }

    fn ended(conditions: Vec<Condition>, state: Convergence) -> Result<(), u8> {
        let view = view(conditions, state);
        let problems = failed(Some(&view));
        Followed { view: Some(view), problems }.result().map_err(|failure| failure.exit as u8)
    }

    #[test]
    fn unsupported_is_success_and_failed_is_eight() {
        let unsupported = Condition::new(
            Resource::Home,
            ConditionState::Unsupported(Problem::new(Code::AclUnsupported, "no ACLs")),
        );
        let done = Condition::new(Resource::Account, ConditionState::Converged);
        assert_eq!(ended(vec![done.clone(), unsupported.clone()], Convergence::Converged), Ok(()));
        let broken = Condition::new(
            Resource::Php,
            ConditionState::Failed(Problem::new(Code::PhpFailed, "does not start")),
        );
        assert_eq!(ended(vec![done, unsupported, broken], Convergence::Failed), Err(8));
    }

    #[test]
    fn what_was_said_of_an_earlier_generation_is_not_shown() {
        let broken = Condition::new(
            Resource::Site,
            ConditionState::Failed(Problem::new(Code::SiteRejected, "as it was before")),
        );
        let stale = ConditionsView { generation: 2, ..view(vec![broken.clone()], Convergence::Provisioning) };
        let shown = of_this_generation(stale);
        assert_eq!(shown.conditions, [Condition::new(Resource::Site, ConditionState::Pending)]);
        let current = of_this_generation(view(vec![broken.clone()], Convergence::Failed));
        assert_eq!(current.conditions, [broken]);
    }

    #[test]
    fn a_timeout_names_what_is_pending() {
        let view = view(
            vec![
                Condition::new(Resource::Account, ConditionState::Converged),
                Condition::new(Resource::Php, ConditionState::Pending),
            ],
            Convergence::Provisioning,
        );
        let problems = unsettled(Some(&view), None, Duration::from_secs(5));
        assert_eq!(problems[0].detail, "the node is not done after 5 s; waiting for php");
        assert_eq!(Failure::not_converged(problems).exit as u8, 8);
    }
}
