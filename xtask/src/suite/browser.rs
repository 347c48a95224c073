//! The browser suite: the panel of an installed node, asked by Chromium as people do. The checks themselves
//! are in `xtask/browser`.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::suite_name;
use crate::levels::Tally;
use crate::node::{Credentials, Node};
use crate::process::Program;
use crate::{deb, files, paths, prerequisites, setup};

/// How long the whole suite may take.
const LIMIT: Duration = Duration::from_mins(8);

/// The last line of the suite's output.
#[derive(Deserialize)]
struct Counted {
    passed: u64,
    failed: u64,
}

/// Runs the checks whose names contain `only` on a node that is made for them.
pub(crate) fn run(only: Option<&str>, keep: bool) -> Result<Tally> {
    let modules = prerequisites::browser()?;
    let typed = types(&modules)?;
    let deb = deb::build(None)?;
    let name = suite_name("browser")?;
    Node::remove(&name)?;
    let mut node = Node::up(&name)?;
    setup::install(&mut node, &deb)?;
    let mut credentials = setup::set_up(&node)?;
    setup::first_user(&mut credentials, |arguments| {
        let mut argv = vec!["berth"];
        argv.extend_from_slice(arguments);
        node.program(argv)
    })?;
    credentials.save(node.instance())?;
    let tally = ask(&node, &credentials, &modules, only)?;
    if !keep {
        Node::remove(&name)?;
    }
    Ok(typed.plus(tally))
}

/// Checks the types of what the browser runs; the product's build only takes them away.
fn types(modules: &Path) -> Result<Tally> {
    let done = Program::new("node")
        .arg(modules.join("typescript/bin/tsc"))
        .args(["--noEmit", "--project"])
        .arg(paths::repository()?.join("server/assets"))
        .within(Duration::from_mins(2))
        .outcome()?;
    if done.code != 0 {
        println!("  FAIL  the script of the panel has types that fit\n{}", done.stdout);
    }
    Ok(Tally::one(done.code == 0))
}

fn ask(node: &Node, credentials: &Credentials, modules: &Path, only: Option<&str>) -> Result<Tally> {
    let pictures = paths::target().join("browser/pictures");
    files::make_dir(&pictures)?;
    let mut program = Program::new("node")
        .dir(&paths::repository()?.join("xtask/browser"))
        .arg("suite.mjs")
        .arg(modules)
        .env("BERTH_URL", &credentials.panel_url)
        .env("BERTH_ADDRESS", node.address())
        .env("BERTH_ADMIN", &credentials.admin_login)
        .env("BERTH_ADMIN_PASSWORD", &credentials.admin_password)
        .env("BERTH_USER", &credentials.username)
        .env("BERTH_USER_PASSWORD", &credentials.password)
        .env("BERTH_PICTURES", &pictures)
        .within(LIMIT);
    if let Some(only) = only {
        program = program.env("BERTH_ONLY", only);
    }
    let mut last = String::new();
    program.lines(|line| {
        if !line.starts_with('{') {
            println!("{line}");
        }
        line.clone_into(&mut last);
    })?;
    let counted: Counted = serde_json::from_str(&last)
        .with_context(|| format!("the browser suite ended early; its last line is {last:?}"))?;
    println!("  pictures of every page: {}", pictures.display());
    Ok(Tally { passed: counted.passed, failed: counted.failed, skipped: 0 })
}
