//! `berth timer …`

use berth_core::view::{TimerRunView, TimerView};
use chrono::{DateTime, SecondsFormat, Utc};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::change::{ChangeArgs, object};
use super::pages;
use super::user::UserArg;
use crate::client::{Request, Session, WaitArgs, decode, follow_change};
use crate::failure::Failure;
use crate::output::{Console, sheet, table, yes};

#[derive(Debug, Subcommand)]
pub(crate) enum TimerCommand {
    /// Add a command that runs by a schedule
    Add(AddArgs),
    /// Change a timer
    Edit(EditArgs),
    /// Remove a timer
    Remove(NamedArgs),
    /// List the timers of a user
    List(ListArgs),
    /// Show a timer with its last runs and what they said
    Show(ShowArgs),
    /// List the last runs of a timer
    Runs(ShowArgs),
    /// Run a timer now
    Run(NamedArgs),
}

#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    #[command(flatten)]
    user: UserArg,

    /// The timer's name
    #[arg(long)]
    name: String,

    /// When it is due: five fields as in a crontab, in UTC, or a word such as @daily
    #[arg(long)]
    schedule: String,

    /// What it runs, by `/bin/sh -c` as the user, in the home
    #[arg(long)]
    command: String,

    /// Tell the owner, or this address, of a run that failed
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    mail_on_failure: Option<String>,

    /// Add it without having it run by itself
    #[arg(long)]
    disabled: bool,

    /// After how many seconds a run is ended
    #[arg(long, value_name = "SECONDS")]
    time_limit: Option<u64>,

    #[command(flatten)]
    change: ChangeArgs,

    #[command(flatten)]
    wait: WaitArgs,
}

#[derive(Debug, Args)]
pub(crate) struct EditArgs {
    #[command(flatten)]
    user: UserArg,

    /// The timer's name
    timer: String,

    /// When it is due: five fields as in a crontab, in UTC, or a word such as @daily
    #[arg(long)]
    schedule: Option<String>,

    /// What it runs, by `/bin/sh -c` as the user, in the home
    #[arg(long)]
    command: Option<String>,

    /// Tell the owner, or this address, of a run that failed
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    mail_on_failure: Option<String>,

    /// Tell nobody of a run that failed
    #[arg(long, conflicts_with = "mail_on_failure")]
    no_mail_on_failure: bool,

    /// Have it run by itself
    #[arg(long)]
    enable: bool,

    /// Don't have it run by itself any more
    #[arg(long, conflicts_with = "enable")]
    disable: bool,

    /// After how many seconds a run is ended
    #[arg(long, value_name = "SECONDS")]
    time_limit: Option<u64>,

    #[command(flatten)]
    change: ChangeArgs,

    #[command(flatten)]
    wait: WaitArgs,
}

#[derive(Debug, Args)]
pub(crate) struct NamedArgs {
    #[command(flatten)]
    user: UserArg,

    /// The timer's name
    timer: String,

    #[command(flatten)]
    change: ChangeArgs,

    #[command(flatten)]
    wait: WaitArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    user: UserArg,

    /// The timer's name
    timer: String,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    user: UserArg,
}

impl AddArgs {
    pub(super) fn body(&self) -> Value {
        object([
            ("name", Some(Value::from(self.name.clone()))),
            ("schedule", Some(Value::from(self.schedule.clone()))),
            ("command", Some(Value::from(self.command.clone()))),
            ("mail_on_failure", self.mail_on_failure.as_deref().map(mail)),
            ("enabled", self.disabled.then_some(Value::Bool(false))),
            ("timeout_s", self.time_limit.map(Value::from)),
        ])
    }
}

impl EditArgs {
    pub(super) fn body(&self) -> Value {
        let told = self.no_mail_on_failure.then_some(Value::Bool(false));
        let enabled = self.enable.then_some(true).or_else(|| self.disable.then_some(false));
        object([
            ("schedule", self.schedule.clone().map(Value::from)),
            ("command", self.command.clone().map(Value::from)),
            ("mail_on_failure", told.or_else(|| self.mail_on_failure.as_deref().map(mail))),
            ("enabled", enabled.map(Value::Bool)),
            ("timeout_s", self.time_limit.map(Value::from)),
        ])
    }
}

/// Without an address it is the owner who is told.
fn mail(address: &str) -> Value {
    if address.is_empty() { Value::Bool(true) } else { Value::from(address) }
}

impl TimerCommand {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Add(args) => {
                let user = &args.user.user;
                let request = Request::post(&["users", user, "timers"], args.body());
                match args.change.send(session, request).await? {
                    Some(answer) => shown(session, user, &answer, &args.wait).await,
                    None => Ok(()),
                }
            }
            Self::Edit(args) => {
                let user = &args.user.user;
                let request = Request::patch(&["users", user, "timers", &args.timer], args.body());
                match args.change.send(session, request).await? {
                    Some(answer) => shown(session, user, &answer, &args.wait).await,
                    None => Ok(()),
                }
            }
            Self::Remove(args) => {
                let user = &args.user.user;
                let request = Request::delete(&["users", user, "timers", &args.timer]);
                let Some(answer) = args.change.send(session, request).await? else { return Ok(()) };
                session.console.answer(&answer, || format!("timer {} is removed", args.timer));
                follow_change(session, user, &args.wait).await
            }
            Self::Run(args) => {
                let user = &args.user.user;
                let request = Request::post(&["users", user, "timers", &args.timer, "run"], json!({}));
                let Some(answer) = args.change.send(session, request).await? else { return Ok(()) };
                session.console.answer(&answer, || format!("timer {} runs now", args.timer));
                follow_change(session, user, &args.wait).await
            }
            Self::List(args) => list(session, args).await,
            Self::Show(args) => show(session, args).await,
            Self::Runs(args) => {
                let request = Request::get(&["users", &args.user.user, "timers", &args.timer, "runs"]);
                pages::whole::<TimerRunView>(session, request, runs).await
            }
        }
    }
}

async fn shown(session: &Session, user: &str, answer: &Value, wait: &WaitArgs) -> Result<(), Failure> {
    let timer: TimerView = decode(answer)?;
    session.console.answer(answer, || detail(&timer));
    if timer.next_run.is_none() && !session.console.is_json() {
        Console::note("the timer does not run by itself");
    }
    follow_change(session, user, wait).await
}

/// A timer and its runs, in one answer.
async fn show(session: &Session, args: ShowArgs) -> Result<(), Failure> {
    let place = ["users", &args.user.user, "timers", &args.timer];
    let mut answer = session.send(Request::get(&place)).await?;
    let timer: TimerView = decode(&answer)?;
    let [users, user, timers, name] = place;
    let listed = pages::all(session, Request::get(&[users, user, timers, name, "runs"])).await?;
    let last = listed.iter().map(decode).collect::<Result<Vec<TimerRunView>, _>>()?;
    if let Some(object) = answer.as_object_mut() {
        object.insert("runs".to_owned(), Value::Array(listed));
    }
    session.console.answer(&answer, || {
        let mut parts = vec![detail(&timer)];
        parts.extend(last.iter().map(|run| {
            let output = run.output.as_deref().unwrap_or_default().trim_end();
            let cut = if run.truncated { "[…]\n" } else { "" };
            format!("── {} {}\n{cut}{output}", moment(run.started_at), run.outcome)
        }));
        parts.join("\n")
    });
    Ok(())
}

fn detail(timer: &TimerView) -> String {
    sheet([
        ("id", Some(timer.id.to_string())),
        ("timer", Some(timer.name.to_string())),
        ("schedule", Some(format!("{} (UTC)", timer.schedule))),
        ("command", Some(timer.command.to_string())),
        ("enabled", Some(yes(timer.enabled))),
        ("runs", Some(timer.mode.as_str().to_owned())),
        ("next run", timer.next_run.map(moment)),
        ("timeout", Some(format!("{} s", timer.timeout_s.seconds()))),
        ("mail on failure", Some(timer.mail_on_failure.to_string())),
    ])
}

async fn list(session: &Session, args: ListArgs) -> Result<(), Failure> {
    let request = Request::get(&["users", &args.user.user, "timers"]);
    pages::whole::<TimerView>(session, request, |timers| {
        table(
            ["TIMER", "SCHEDULE", "ENABLED", "NEXT", "LAST", "COMMAND"],
            timers.iter().map(|timer| {
                [
                    timer.name.to_string(),
                    timer.schedule.to_string(),
                    yes(timer.enabled),
                    timer.next_run.map(moment).unwrap_or_default(),
                    timer.last_run.as_ref().map(|run| run.outcome.to_string()).unwrap_or_default(),
                    timer.command.to_string(),
                ]
            }),
        )
    })
    .await
}

fn runs(runs: &[TimerRunView]) -> String {
    table(
        ["STARTED", "SECONDS", "OUTCOME"],
        runs.iter().map(|run| {
            let seconds = (run.ended_at - run.started_at).num_seconds();
            [moment(run.started_at), seconds.to_string(), run.outcome.to_string()]
        }),
    )
}

fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
