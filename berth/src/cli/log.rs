//! `berth log`

use std::collections::VecDeque;
use std::time::Duration;

use berth_core::view::LogView;
use clap::Args;

use super::user::UserArg;
use crate::client::{Request, Session, decode};
use crate::failure::Failure;
use crate::output::{Console, clean};

#[derive(Debug, Args)]
pub(crate) struct LogArgs {
    #[command(flatten)]
    user: UserArg,

    /// The site
    domain: String,

    /// Requests, what the web server found wrong, or what PHP said
    #[arg(long, default_value = "access", value_parser = ["access", "error", "php"])]
    kind: String,

    /// How many lines, from the end, 1 to 1000
    #[arg(long, default_value_t = 100, value_name = "NUMBER")]
    tail: u32,

    /// Only lines that contain this text, in whatever case
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,

    /// Go on showing what comes
    #[arg(long, conflicts_with = "json")]
    follow: bool,
}

/// How often a followed log is looked at.
const EVERY: Duration = Duration::from_secs(2);

impl LogArgs {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let answer = session.send(self.request(self.tail)).await?;
        let log: LogView = decode(&answer)?;
        session.console.answer(&answer, || shown(&log.lines));
        if !self.follow {
            return Ok(());
        }
        let mut known: VecDeque<String> = log.lines.into();
        loop {
            tokio::time::sleep(EVERY).await;
            let log: LogView = session.fetch(self.request(1_000)).await?;
            let new = news(&known, &log.lines);
            if !new.is_empty() {
                Console::line(&shown(new));
            }
            known = log.lines.into();
        }
    }

    fn request(&self, lines: u32) -> Request {
        Request::get(&["users", &self.user.user, "domains", &self.domain, "logs", &self.kind])
            .query("lines", Some(lines))
            .query("filter", self.filter.as_ref())
    }
}

/// The lines that come after those that are known.
fn news<'a>(known: &VecDeque<String>, now: &'a [String]) -> &'a [String] {
    // The longest end of what is known that is somewhere in what there is now; equal lines are many.
    let most = known.len().min(now.len());
    for length in (1..=most).rev() {
        let end = known.iter().skip(known.len() - length);
        for at in (length..=now.len()).rev() {
            let Some(part) = now.get(at - length..at) else { continue };
            if part.iter().eq(end.clone()) {
                return now.get(at..).unwrap_or_default();
            }
        }
    }
    now
}

fn shown(lines: &[String]) -> String {
    lines.iter().map(|line| clean(line)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_new_is_shown() {
        let lines = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let new = |known: &str, now: &str| news(&lines(known).into(), &lines(now)).join(" ");
        assert_eq!(new("a b", "a b c"), "c");
        assert_eq!(new("a b", "a b"), "");
        assert_eq!(new("", "a"), "a");
        assert_eq!(new("a b c", "b c d e"), "d e");
        assert_eq!(new("x", "a b"), "a b");
    }
}
