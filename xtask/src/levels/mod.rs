//! `cargo xtask test`: every level of tests, each with a closing line, and one in all.

mod postgres;
mod runner;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::durations::Stopwatch;
use crate::progress::loud;
use crate::{deb, node, prerequisites, suite, vm};

/// A level of tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Level {
    /// Formatting.
    Fmt,
    /// Lints, where a warning is an error.
    Lint,
    /// Licences, sources and advisories of the dependencies.
    Deny,
    /// Tables and properties of the crates that do no input and output.
    Unit,
    /// The store on both engines.
    Store,
    /// The whole application on a fake host.
    App,
    /// Server and agent together under faults, by the thousand.
    Simulation,
    /// The installed product on a real node.
    Node,
    /// The installed panel in a browser.
    Browser,
    /// The same as `node`, on a kernel of its own, for what a container can't show; only when it is named.
    Vm,
}

/// What `test` takes.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The levels to run; all but `vm` by default.
    levels: Vec<Level>,
    /// Runs only those checks of the node, browser or VM suite whose names contain this.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Keeps the nodes of the suite afterwards, to look at it.
    #[arg(long)]
    keep: bool,
}

/// How many checks ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Checks that passed.
    pub(crate) passed: u64,
    /// Checks that failed.
    pub(crate) failed: u64,
    /// Checks that were not run.
    pub(crate) skipped: u64,
}

impl Tally {
    /// One check with this result.
    pub(crate) fn one(passed: bool) -> Self {
        Self { passed: u64::from(passed), failed: u64::from(!passed), skipped: 0 }
    }

    /// Both together.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            skipped: self.skipped + other.skipped,
        }
    }

    /// The closing line.
    pub(crate) fn line(self, name: &str) -> String {
        let skipped = match self.skipped {
            0 => String::new(),
            count => format!(", {count} skipped"),
        };
        format!("{name}: {} passed, {} failed{skipped}", self.passed, self.failed)
    }
}

/// Runs the levels; says whether all is well.
pub(crate) fn run(arguments: &Arguments) -> bool {
    let levels: Vec<Level> = if arguments.levels.is_empty() {
        Level::value_variants().iter().copied().filter(|level| *level != Level::Vm).collect()
    } else {
        arguments.levels.clone()
    };
    // Only a whole run is comparable with another one.
    let whole = arguments.levels.is_empty() && arguments.only.is_none();
    let stopwatch = whole.then(|| Stopwatch::start("test"));
    let mut total = Tally::default();
    let mut not_run = None;
    for &level in &levels {
        let name = name(level);
        eprintln!("── {name}");
        let outcome = match level {
            Level::Fmt => command(&["fmt", "--all", "--check"]),
            Level::Lint => {
                command(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"])
            }
            Level::Deny => deny(),
            Level::Unit => runner::run(&["berth-core", "berth-agent", "berth-logs", "xtask"], &[]),
            Level::Store => store(),
            Level::App => runner::run(&["berth-server", "berth"], &[]),
            Level::Simulation => runner::simulation(),
            Level::Node => match node_obstacle() {
                None => suite::run(arguments.only.as_deref(), arguments.keep),
                Some(reason) => {
                    not_run = Some(reason);
                    Ok(Tally::default())
                }
            },
            Level::Browser => match node_obstacle() {
                None => suite::browser::run(arguments.only.as_deref(), arguments.keep),
                Some(reason) => {
                    not_run = Some(reason);
                    Ok(Tally::default())
                }
            },
            Level::Vm => vm::run(arguments.only.as_deref(), arguments.keep),
        };
        let tally = outcome.unwrap_or_else(|error| {
            eprintln!("error: {error:#}");
            Tally::one(false)
        });
        if !(matches!(level, Level::Node | Level::Browser) && not_run.is_some()) {
            println!("{}", tally.line(name));
        }
        total = total.plus(tally);
    }
    if let Some(reason) = not_run {
        loud("NODE AND BROWSER SUITE WERE NOT RUN. This machine can't boot a node.");
        println!("node, browser: NOT RUN: {reason}");
    }
    if whole {
        loud("THE VM SUITE WAS NOT RUN: quota on ext4 and xfs, limits of slices, reboot, the clock.");
        println!("vm: NOT RUN: only `cargo xtask test vm` boots virtual machines");
    }
    println!("{}", total.line("total"));
    if let Some(stopwatch) = stopwatch
        && total.failed == 0
        && let Err(error) = stopwatch.stop()
    {
        eprintln!("the duration could not be written down: {error:#}");
    }
    total.failed == 0
}

fn name(level: Level) -> &'static str {
    match level {
        Level::Fmt => "fmt",
        Level::Lint => "lint",
        Level::Deny => "deny",
        Level::Unit => "unit",
        Level::Store => "store",
        Level::App => "app",
        Level::Simulation => "simulation",
        Level::Node => "node",
        Level::Browser => "browser",
        Level::Vm => "vm",
    }
}

fn node_obstacle() -> Option<String> {
    let mut missing = Vec::new();
    if let Err(error) = prerequisites::node() {
        missing.push(format!("{error:#}"));
    }
    missing.extend(node::obstacles());
    (!missing.is_empty()).then(|| missing.join("; "))
}

/// A cargo command that either succeeds or not.
fn command(arguments: &[&str]) -> Result<Tally> {
    Ok(Tally::one(deb::cargo()?.args(arguments).shown().is_ok()))
}

fn deny() -> Result<Tally> {
    let tool =
        || -> Result<_> { Ok(prerequisites::cargo_deny()?.dir(&crate::paths::repository()?).arg("check")) };
    let offline = tool()?.args(["licenses", "bans", "sources"]).shown().is_ok();
    let tally = Tally::one(offline);
    let advisories = tool()?.arg("advisories").outcome()?;
    if advisories.code == 0 {
        return Ok(tally.plus(Tally::one(true)));
    }
    if advisories.stderr.contains("failed to fetch advisory database") {
        loud("ADVISORIES WERE NOT CHECKED. Their database can't be reached from here.");
        return Ok(tally.plus(Tally { skipped: 1, ..Tally::default() }));
    }
    eprintln!("{}", advisories.stderr.trim());
    Ok(tally.plus(Tally::one(false)))
}

fn store() -> Result<Tally> {
    prerequisites::store()?;
    let server = postgres::Server::start()?;
    runner::run(&["berth-store"], &[("BERTH_TEST_POSTGRES", &server.url())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_have_the_agreed_form() {
        let check = |tally: Tally, expected: &str| assert_eq!(tally.line("unit"), expected);
        check(Tally { passed: 12, failed: 0, skipped: 0 }, "unit: 12 passed, 0 failed");
        check(Tally { passed: 12, failed: 1, skipped: 3 }, "unit: 12 passed, 1 failed, 3 skipped");
    }
}
