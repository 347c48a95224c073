//! `cargo xtask up`: from a checkout to a running panel.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;

use crate::durations::Stopwatch;
use crate::node::{self, Credentials, Node};
use crate::process::Program;
use crate::progress::loud;
use crate::{Name, deb, prerequisites, render, setup};

/// What `up` takes.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    name: Name,
    /// Removes what is there and starts over.
    #[arg(long)]
    fresh: bool,
    /// Runs everything as plain processes that write into this directory instead of a node.
    #[arg(long, value_name = "DIR")]
    render: Option<PathBuf>,
}

/// Something to try, as one types it.
pub(crate) struct Suggestion {
    /// What it shows.
    pub(crate) what: &'static str,
    /// The command with its arguments.
    pub(crate) argv: Vec<String>,
}

/// Brings everything up and says how to use it.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if let Some(dir) = &arguments.render {
        return render::up(dir, arguments.fresh);
    }
    let name = arguments.name.resolve()?;
    let mut stopwatch = Stopwatch::start("up");
    ready_for_a_node()?;
    let deb = deb::build(None)?;
    if arguments.fresh {
        Node::remove(&name)?;
    }
    if Node::running(&name).is_ok() {
        stopwatch.found_running();
    }
    let mut node = Node::up(&name)?;
    setup::install(&mut node, &deb)?;
    let mut credentials = setup::set_up(&node)?;
    let created = setup::first_user(&mut credentials, |arguments| {
        let mut argv = vec!["berth"];
        argv.extend_from_slice(arguments);
        node.program(argv)
    });
    credentials.save(node.instance())?;
    created?;
    finish(&credentials, &suggestions(&node, &credentials))?;
    stopwatch.stop()
}

fn ready_for_a_node() -> Result<()> {
    let installed = prerequisites::node();
    let mut missing = node::obstacles();
    if let Err(error) = installed {
        missing.push(format!("{error:#}"));
    }
    if missing.is_empty() {
        return Ok(());
    }
    loud("This machine can't boot a node. What is missing:");
    for obstacle in &missing {
        eprintln!("  - {obstacle}");
    }
    eprintln!();
    eprintln!("The same panel, API and database also run without a node, with an agent that");
    eprintln!("writes every file and command into a directory instead of the host:");
    eprintln!();
    eprintln!("  cargo xtask up --render DIR");
    bail!("no node can be booted here");
}

fn suggestions(node: &Node, credentials: &Credentials) -> Vec<Suggestion> {
    let site = format!("Host: {}", setup::FIRST_DOMAIN);
    vec![
        Suggestion {
            what: "the first user's site, served by their own PHP",
            argv: words(&["curl", "-sS", "-H", &site, &format!("http://{}/", node.address())]),
        },
        Suggestion {
            what: "the user as the API sees it",
            argv: words(&[
                "curl",
                "-sSk",
                "-H",
                &format!("Authorization: Bearer {}", credentials.api_key),
                &format!("{}api/v1/users", credentials.panel_url),
            ]),
        },
        Suggestion {
            what: "every resource of the user on the host, desired and observed",
            argv: words(&[
                "cargo",
                "xtask",
                "node",
                "exec",
                "--name",
                node.instance().name(),
                "--",
                "berth",
                "user",
                "show",
                setup::FIRST_USER,
            ]),
        },
    ]
}

/// Owned copies of the words of a command.
pub(crate) fn words(argv: &[&str]) -> Vec<String> {
    argv.iter().map(|&word| word.to_owned()).collect()
}

/// Tries what it is about to suggest, then says how everything is reached.
pub(crate) fn finish(credentials: &Credentials, suggestions: &[Suggestion]) -> Result<()> {
    for suggestion in suggestions {
        try_out(suggestion)?;
    }
    println!();
    println!("Berth is up.");
    println!();
    println!("  panel     {}", credentials.panel_url);
    println!("  admin     {} / {}", credentials.admin_login, credentials.admin_password);
    println!("  user      {} / {}", credentials.username, credentials.password);
    println!("  API key   {}", credentials.api_key);
    println!();
    println!("Three things to try:");
    for suggestion in suggestions {
        println!();
        println!("  # {}", suggestion.what);
        println!("  {}", shell_words(&suggestion.argv));
    }
    Ok(())
}

fn try_out(suggestion: &Suggestion) -> Result<()> {
    let Some((program, arguments)) = suggestion.argv.split_first() else {
        bail!("an empty suggestion");
    };
    let mut program = Program::new(program).args(arguments);
    if suggestion.argv.first().is_some_and(|name| name == "curl") {
        program = program.arg("--fail");
    }
    program.dir(&crate::paths::repository()?).output()?;
    Ok(())
}

/// The command as it is typed into a shell.
pub(crate) fn shell_words(argv: &[String]) -> String {
    let plain = |word: &str| {
        !word.is_empty()
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&byte))
    };
    let quoted: Vec<String> = argv
        .iter()
        .map(|word| if plain(word) { word.clone() } else { format!("'{}'", word.replace('\'', r"'\''")) })
        .collect();
    quoted.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_shown_as_they_are_typed() {
        let check = |argv: &[&str], expected: &str| assert_eq!(shell_words(&words(argv)), expected);
        check(&["curl", "-sS", "http://10.0.0.2/"], "curl -sS http://10.0.0.2/");
        check(&["curl", "-H", "Host: a.com"], "curl -H 'Host: a.com'");
        check(&["echo", "it's", ""], r"echo 'it'\''s' ''");
    }
}
