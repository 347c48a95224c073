//! Running Rust tests, with cargo-nextest where it is installed, and counting them.

use anyhow::Result;

use super::Tally;
use crate::deb;
use crate::process::installed;

/// Packages without a library, which therefore have no examples in their documentation.
const PROGRAMS: [&str; 2] = ["berth", "xtask"];

/// The seeded runs of the simulation if nobody asks for another number.
const SIMULATED: &str = "500";

/// What the names of the simulation's tests begin with. They have a level of their own.
const SIMULATION: &str = "simulated::";

/// Runs the simulation, built as the other tests are. `BERTH_SIM_RUNS` asks for more runs; thousands of them
/// are worth a build with optimisation, `cargo test --release --package berth --test simulation`.
pub(crate) fn simulation() -> Result<Tally> {
    let runs = std::env::var("BERTH_SIM_RUNS").unwrap_or_else(|_| SIMULATED.to_owned());
    let tests = ["--test", "simulation"];
    let arguments = [&["test", "--no-fail-fast", "--quiet"], &tests[..]].concat();
    // What the tests say is how many runs there were.
    count(&arguments, false, &["berth"], &["--nocapture"], &[("BERTH_SIM_RUNS", &runs)])
}

/// Runs the tests of these packages.
pub(crate) fn run(packages: &[&str], environment: &[(&str, &str)]) -> Result<Tally> {
    if !installed("cargo-nextest") {
        let arguments = ["test", "--no-fail-fast", "--quiet"];
        return count(&arguments, false, packages, &["--skip", SIMULATION], environment);
    }
    let runner = ["nextest", "run", "--no-fail-fast", "--status-level", "fail"];
    let tally = count(&runner, true, packages, &["--skip", SIMULATION], environment)?;
    // That runner leaves out the examples in the documentation.
    let libraries: Vec<&str> = packages.iter().copied().filter(|name| !PROGRAMS.contains(name)).collect();
    if libraries.is_empty() {
        return Ok(tally);
    }
    let arguments = ["test", "--doc", "--no-fail-fast", "--quiet"];
    let examples = count(&arguments, false, &libraries, &[], environment)?;
    Ok(tally.plus(examples))
}

fn count(
    arguments: &[&str],
    nextest: bool,
    packages: &[&str],
    to_tests: &[&str],
    environment: &[(&str, &str)],
) -> Result<Tally> {
    let mut cargo = deb::cargo()?.args(arguments);
    for (key, value) in environment {
        cargo = cargo.env(key, value);
    }
    for package in packages {
        cargo = cargo.args(["--package", package]);
    }
    if !to_tests.is_empty() {
        cargo = cargo.arg("--").args(to_tests);
    }
    let mut tally = Tally::default();
    let code = cargo.lines(|line| {
        eprintln!("{line}");
        let found = if nextest { nextest_line(line) } else { libtest_line(line) };
        tally = tally.plus(found.unwrap_or_default());
    })?;
    // Tests that don't compile leave no count, and neither does a runner that found no test.
    if code != 0 && tally.failed == 0 {
        tally.failed = 1;
    }
    Ok(tally)
}

/// Reads `Summary [ 0.1s] 5 tests run: 3 passed (1 slow), 2 failed, 1 skipped`.
fn nextest_line(line: &str) -> Option<Tally> {
    let line = plain(line);
    let (_, rest) = line.trim().strip_prefix("Summary [")?.split_once(']')?;
    let (head, rest) = rest.split_once(':')?;
    let run: u64 = head.split_whitespace().next()?.split('/').next()?.parse().ok()?;
    let passed = before(rest, "passed").unwrap_or(0);
    Some(Tally {
        passed,
        // Whatever ran and didn't pass has failed, however the runner calls it.
        failed: run.saturating_sub(passed),
        skipped: before(rest, "skipped").unwrap_or(0),
    })
}

/// Reads `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; …`.
fn libtest_line(line: &str) -> Option<Tally> {
    let line = plain(line);
    let rest = line.trim().strip_prefix("test result: ")?;
    Some(Tally {
        passed: before(rest, "passed")?,
        failed: before(rest, "failed")?,
        skipped: before(rest, "ignored").unwrap_or(0),
    })
}

/// The number in front of a word.
fn before(text: &str, word: &str) -> Option<u64> {
    let words: Vec<&str> = text
        .split(|character: char| !character.is_ascii_alphanumeric())
        .filter(|part| !part.is_empty())
        .collect();
    let at = words.iter().position(|found| *found == word)?;
    words.get(at.checked_sub(1)?)?.parse().ok()
}

/// The line without what colours it.
fn plain(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut escaped = false;
    for character in line.chars() {
        match (escaped, character) {
            (false, '\u{1b}') => escaped = true,
            (false, other) => out.push(other),
            (true, 'm') => escaped = false,
            (true, _) => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(passed: u64, failed: u64, skipped: u64) -> Tally {
        Tally { passed, failed, skipped }
    }

    #[test]
    fn summaries_of_nextest_are_counted() {
        let check = |line: &str, expected: Tally| assert_eq!(nextest_line(line), Some(expected), "{line}");
        check("     Summary [   0.004s] 1 test run: 1 passed, 0 skipped", tally(1, 0, 0));
        check(
            "     Summary [   9.1s] 7 tests run: 3 passed (1 slow, 1 flaky), 3 failed, 1 timed out, 2 skipped",
            tally(3, 4, 2),
        );
        check(
            "\u{1b}[32;1m     Summary\u{1b}[0m [   0.004s] \u{1b}[1m2\u{1b}[0m tests run: \u{1b}[1m2\u{1b}[0m \u{1b}[32;1mpassed\u{1b}[0m, \u{1b}[1m0\u{1b}[0m skipped",
            tally(2, 0, 0),
        );
        assert_eq!(nextest_line("        PASS [   0.003s] core name::tests::a_summary"), None);
    }

    #[test]
    fn results_of_the_built_in_runner_are_counted() {
        let check = |line: &str, expected: Tally| assert_eq!(libtest_line(line), Some(expected), "{line}");
        check(
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            tally(12, 0, 1),
        );
        check(
            "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out",
            tally(1, 2, 0),
        );
        assert_eq!(libtest_line("running 3 tests"), None);
    }
}
