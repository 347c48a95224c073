//! Every way in which a create is refused has its own code, field and hint.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::Check;
use super::support::{
    CONVERGED_WITHIN, admin_key, api, berth, berth_json, create_arguments, failure, items, problems, site,
    tenant, text,
};
use crate::node::Node;

/// The checks of this group.
pub(crate) const CHECKS: &[Check] = &[
    ("every bad field has its own code, field and hint", each_field),
    ("every clash names its own field", each_clash),
    ("a home that was left behind is named, and quarantine moves it aside", left_home),
    ("a request with five errors reports five, on the command line and in the API", five_errors),
    ("50 simultaneous creates of one username give exactly one user", one_of_fifty),
    ("50 simultaneous creates of different usernames give 50 users", fifty_of_fifty),
];

/// The arguments that create `name`, with the value of one option replaced.
fn with(name: &str, option: &str, value: &str) -> Vec<String> {
    let mut arguments = create_arguments(name);
    let at = arguments.iter().position(|argument| argument == option);
    match at.and_then(|at| arguments.get_mut(at + 1)) {
        Some(found) => value.clone_into(found),
        None => arguments.extend([option.to_owned(), value.to_owned()]),
    }
    arguments.push("--json".to_owned());
    arguments
}

/// A create that must be refused with one problem of this code at this field.
fn refused(node: &Node, arguments: &[String], code: &str, field: &str) -> Result<Value> {
    let outcome = berth(node, arguments)?;
    let answer = failure(&outcome).with_context(|| format!("expected {code} at {field}"))?;
    let found = problems(&answer);
    ensure!(found == [(code.to_owned(), field.to_owned())], "expected {code} at {field}, got {found:?}");
    let first = answer.pointer("/errors/0").or_else(|| answer.pointer("/problems/0")).unwrap_or(&answer);
    ensure!(
        first.get("hint").and_then(Value::as_str).is_some_and(|hint| !hint.is_empty()),
        "{code} has no hint: {answer}"
    );
    Ok(answer)
}

fn each_field(node: &Node) -> Result<()> {
    for (option, value, code, field) in [
        ("--username", "Upper", "username_invalid", "username"),
        ("--username", "ab", "username_invalid", "username"),
        ("--username", "ends-", "username_invalid", "username"),
        ("--username", "root", "username_reserved", "username"),
        ("--username", "berthold", "username_reserved", "username"),
        ("--username", "www-data", "username_reserved", "username"),
        ("--email", "nobody", "email_invalid", "email"),
        ("--display-name", "", "field_missing", "display_name"),
        ("--display-name", " ", "display_name_invalid", "display_name"),
        ("--package", "no-such-package", "package_not_found", "package"),
        ("--primary-domain", "not a domain", "domain_invalid", "primary_domain"),
        ("--primary-domain", "com", "domain_invalid", "primary_domain"),
        ("--password", "short", "password_invalid", "password"),
    ] {
        refused(node, &with("refused", option, value), code, field)
            .with_context(|| format!("{option} {value:?}"))?;
    }
    ensure!(node.exec(["getent", "passwd", "refused"])?.code == 2, "a refused create made an account");
    Ok(())
}

fn each_clash(node: &Node) -> Result<()> {
    let alice = tenant(node, "alice")?;
    refused(node, &with("clash", "--username", "alice"), "username_taken", "username")?;
    refused(node, &with("clash", "--email", "Alice@Example.com"), "email_taken", "email")?;
    let below = format!("shop.{}", alice.domain);
    for domain in [alice.domain.as_str(), &alice.domain.to_uppercase(), &below] {
        let arguments = with("clash", "--primary-domain", domain);
        refused(node, &arguments, "domain_taken", "primary_domain")?;
    }
    // Accounts and groups of the system that Berth has never heard of.
    node.run(["useradd", "--system", "foreigner"])?;
    node.run(["groupadd", "foreign-group"])?;
    node.run(["berth", "node", "audit", "--now", "--wait"])?;
    for name in ["foreigner", "foreign-group"] {
        refused(node, &with("clash", "--username", name), "username_taken", "username")?;
    }
    Ok(())
}

fn left_home(node: &Node) -> Result<()> {
    node.run(["mkdir", "-p", "/home/ghost"])?;
    node.write("/home/ghost/letter", b"left behind")?;
    node.run(["berth", "node", "audit", "--now", "--wait"])?;
    let mut arguments = create_arguments("ghost");
    arguments.push("--json".to_owned());
    let answer = refused(node, &arguments, "home_exists", "username")?;
    let said = answer.to_string();
    ensure!(
        said.contains("/home/ghost") && said.contains("quarantine"),
        "the answer names neither the path nor the way out: {said}"
    );
    node.run(["berth", "home", "quarantine", "ghost"])?;
    node.wait_for("the empty place", CONVERGED_WITHIN, |node| {
        Ok(node.exec(["stat", "/home/ghost"])?.code != 0)
    })?;
    let kept = node.run(["find", "/home/.berth-quarantine", "-name", "letter"])?;
    ensure!(kept.lines().count() == 1, "the files are not kept: {kept:?}");
    let ghost = tenant(node, "ghost")?;
    let page = site(node, &ghost.domain, "/")?;
    ensure!(page.body.contains(&format!("uid={}", ghost.uid)), "the new user's page shows {page:?}");
    Ok(())
}

fn five_errors(node: &Node) -> Result<()> {
    let expected = ["display_name", "email", "package", "primary_domain", "username"];
    let sorted = |answer: &Value| {
        let mut fields: Vec<String> = problems(answer).into_iter().map(|found| found.1).collect();
        fields.sort();
        fields
    };
    let arguments = [
        "user",
        "create",
        "--username",
        "No Name",
        "--email",
        "nobody",
        "--display-name",
        "",
        "--role",
        "user",
        "--package",
        "No Package",
        "--primary-domain",
        "nowhere",
        "--json",
    ];
    let typed = failure(&berth(node, &arguments)?)?;
    ensure!(sorted(&typed) == expected, "the command line reports {typed}");
    let body = json!({
        "username": "No Name", "email": "nobody", "display_name": "", "role": "user",
        "package": "No Package", "primary_domain": "nowhere",
    });
    let answer = api(node, &admin_key(node)?, "POST", "/users", Some(&body))?;
    ensure!(answer.status == 422, "the API answers {answer:?}");
    ensure!(sorted(&answer.json()?) == expected, "the API reports {answer:?}");
    Ok(())
}

/// Runs 50 creates at once; the outcomes in order.
fn fifty(node: &Node, arguments: impl Fn(usize) -> Vec<String>) -> Result<Vec<crate::process::Outcome>> {
    let mut running = Vec::new();
    for index in 0..50 {
        let argv = std::iter::once("berth".to_owned()).chain(arguments(index));
        running.push(node.start(argv)?);
    }
    running.into_iter().map(crate::process::Running::finish).collect()
}

fn one_of_fifty(node: &Node) -> Result<()> {
    let outcomes = fifty(node, |index| {
        let mut arguments = create_arguments(&format!("racer{index}"));
        if let Some(name) = arguments.get_mut(3) {
            "racer".clone_into(name);
        }
        arguments.push("--json".to_owned());
        arguments
    })?;
    let mut created = 0;
    for outcome in &outcomes {
        if outcome.code == 0 {
            created += 1;
            continue;
        }
        let found = problems(&failure(outcome)?);
        ensure!(found == [("username_taken".to_owned(), "username".to_owned())], "a loser is told {found:?}");
    }
    ensure!(created == 1, "{created} creates succeeded");
    let listed = berth_json(node, &["user", "list", "--search", "racer"])?;
    ensure!(items(&listed)?.len() == 1, "the list shows {listed}");
    Ok(())
}

fn fifty_of_fifty(node: &Node) -> Result<()> {
    let outcomes = fifty(node, |index| {
        let mut arguments = create_arguments(&format!("many{index:02}"));
        arguments.extend(["--wait".to_owned(), "--json".to_owned()]);
        arguments
    })?;
    let mut uids = std::collections::BTreeSet::new();
    for outcome in outcomes {
        let said = outcome.success()?;
        let answer: Value = serde_json::from_str(&said).context("a create answered no JSON")?;
        let name = text(&answer, "/username")?.to_owned();
        let uid = node.run(["id", "-u", &name])?;
        ensure!(uids.insert(uid.trim().to_owned()), "{name} shares a uid");
    }
    ensure!(uids.len() == 50, "{} users", uids.len());
    Ok(())
}
