//! The figures as a table.

use super::Figures;

/// How many times faster than the conventional way it shall be with 1,000 accounts.
const RATIO_GOAL: f64 = 15.0;

/// How much memory both may have together.
const MEMORY_GOAL_MIB: f64 = 60.0;

/// Prints everything that was measured.
pub(super) fn print(figures: &Figures) {
    println!();
    println!("Accounts: package {}. Conventional: pools on demand in one PHP-FPM.", figures.package);
    println!();
    println!(
        "{:>8}  {:>21}  {:>23}  {:>12}  {:>6}  {:>23}",
        "", "create to 201, ms", "create to page, ms", "conventional", "", "idle memory, MiB"
    );
    println!(
        "{:>8}  {:>10} {:>10}  {:>11} {:>11}  {:>12}  {:>6}  {:>7} {:>7} {:>7}",
        "accounts", "p50", "p99", "median", "p99", "median, ms", "ratio", "serve", "agent", "both"
    );
    for round in &figures.rounds {
        println!(
            "{:>8}  {:>10.1} {:>10.1}  {:>11.1} {:>11.1}  {:>12.1}  {:>6.1}  {:>7.1} {:>7.1} {:>7.1}",
            round.accounts,
            round.create.p50_ms,
            round.create.p99_ms,
            round.first_answer.p50_ms,
            round.first_answer.p99_ms,
            round.conventional.p50_ms,
            round.ratio,
            round.memory.serve_mib,
            round.memory.agent_mib,
            round.memory.serve_mib + round.memory.agent_mib,
        );
    }
    println!();
    println!("Goals: ratio {RATIO_GOAL} with 1,000 accounts; memory under {MEMORY_GOAL_MIB} MiB together.");
    super::egress::print(&figures.packets);
    println!();
    let mut recorded = figures.commands.iter().peekable();
    if recorded.peek().is_none() {
        println!("No run of `cargo xtask up` or `cargo xtask test` was recorded on this machine.");
    }
    for (command, start, seconds) in recorded {
        println!("cargo xtask {command:<5} {:<9} {seconds:>7.1} s", start.as_str());
    }
}
