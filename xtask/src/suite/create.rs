//! Creating a user: converged in the end, and the password nowhere.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::Check;
use super::support::{CONVERGED_WITHIN, berth, berth_json, create_arguments, failure, problems, text};
use crate::node::Node;
use crate::setup::{FIRST_USER, FIRST_USER_ARGUMENTS};

/// The checks of this group.
pub(crate) const CHECKS: &[Check] = &[
    ("the first user's create ends with every condition converged", every_condition_converges),
    ("a generated password is shown once and is nowhere afterwards", password_is_nowhere),
    ("a plan says what would happen and changes nothing", plan_changes_nothing),
    ("the same create with the same idempotency key makes one user", create_is_idempotent),
];

/// Creates the first user if need be; every condition must be converged.
pub(crate) fn every_condition_converges(node: &Node) -> Result<()> {
    if berth(node, &["user", "show", FIRST_USER])?.code == 0 {
        // A repeated run with --keep finds her; what it then shows must be converged too.
        return all_converged(&berth_json(node, &["user", "conditions", FIRST_USER])?);
    }
    let mut arguments = FIRST_USER_ARGUMENTS.to_vec();
    let limit = (CONVERGED_WITHIN * node.instance().patience()).as_secs().to_string();
    arguments.extend(["--wait", "--timeout", &limit]);
    let answer = berth_json(node, &arguments)?;
    ensure!(text(&answer, "/username")? == FIRST_USER, "another name: {answer}");
    ensure!(
        answer.get("uid").and_then(Value::as_u64) >= Some(1_900_000_001),
        "the uid is outside the tenants' range: {answer}"
    );
    all_converged(&answer)
}

fn all_converged(answer: &Value) -> Result<()> {
    let conditions = answer
        .get("conditions")
        .and_then(Value::as_array)
        .with_context(|| format!("no conditions in {answer}"))?;
    ensure!(conditions.len() >= 6, "too few conditions: {answer}");
    for condition in conditions {
        let state = text(condition, "/state")?;
        // A container's kernel may have no controllers; what is said then has a check of its own.
        let excused = state == "unsupported" && text(condition, "/resource")? == "slice";
        ensure!(state == "converged" || excused, "not converged: {condition}");
    }
    Ok(())
}

fn password_is_nowhere(node: &Node) -> Result<()> {
    let mut arguments = create_arguments("secretive");
    arguments.push("--wait".to_owned());
    let answer = berth_json(node, &arguments)?;
    let password = text(&answer, "/password")?;
    ensure!(password.len() >= 20, "the generated password is short: {password:?}");
    for verb in [["user", "show"], ["user", "conditions"]] {
        let mut again = verb.to_vec();
        again.push("secretive");
        let shown = berth_json(node, &again)?.to_string();
        ensure!(!shown.contains(password), "`berth {}` shows it", verb.join(" "));
    }

    // What was planted is found, so that finding nothing else means something.
    let planted = "/var/tmp/planted";
    node.write(planted, password.as_bytes())?;
    let found = files_with(node, password)?;
    ensure!(found.lines().any(|line| line == planted), "the search misses the planted file: {found:?}");
    ensure!(found.lines().count() == 1, "the password is on disk: {found:?}");
    node.run(["rm", "--", planted])?;

    let journal = node.run(["journalctl", "--no-pager", "--output=export"])?;
    ensure!(journal.contains("berth"), "the journal says nothing about berth");
    ensure!(!journal.contains(password), "the password is in the journal");
    let database = node.run(["sqlite3", "/var/lib/berth/server/berth.db", ".dump"])?;
    ensure!(database.contains("secretive"), "the database does not know the user");
    ensure!(!database.contains(password), "the password is in the database");
    let processes = node.run(["ps", "-e", "-ww", "-o", "args", "e"])?;
    ensure!(processes.contains("berth"), "ps does not show berth");
    ensure!(!processes.contains(password), "the password is in the process list");
    Ok(())
}

/// The files anywhere on the node's disk that contain a text, one a line.
fn files_with(node: &Node, needle: &str) -> Result<String> {
    // The text comes on standard input, so that the search does not itself put it into a file
    // or onto a command line.
    let searched = node
        .program(["grep", "-rlaFs", "--devices=skip", "-f", "-"])
        .args(["/etc", "/home", "/opt", "/root", "/run", "/srv", "/tmp", "/var", "/usr/local"])
        .input(format!("{needle}\n"))
        .outcome()?;
    Ok(searched.stdout)
}

fn plan_changes_nothing(node: &Node) -> Result<()> {
    let mut arguments = create_arguments("planned");
    arguments.push("--plan".to_owned());
    let plan = berth_json(node, &arguments)?;
    ensure!(plan.to_string().contains("/home/planned"), "the plan does not name the home: {plan}");
    let shown = berth(node, &["user", "show", "planned", "--json"])?;
    let found = problems(&failure(&shown)?);
    ensure!(
        found.iter().any(|(code, _)| code == "user_not_found") && shown.code == 5,
        "the plan left something: exit code {}, {found:?}",
        shown.code
    );
    ensure!(node.exec(["getent", "passwd", "planned"])?.code == 2, "the plan made an account");
    Ok(())
}

fn create_is_idempotent(node: &Node) -> Result<()> {
    let mut arguments = create_arguments("repeated");
    arguments.extend(["--idempotency-key", "suite-repeated"].map(str::to_owned));
    let first = berth_json(node, &arguments)?;
    let second = berth_json(node, &arguments)?;
    ensure!(text(&first, "/id")? == text(&second, "/id")?, "two users: {first} and {second}");
    ensure!(first.get("password").is_some(), "the first answer has no password");
    ensure!(second.get("password").is_none_or(Value::is_null), "the repeated answer shows a password");
    Ok(())
}
