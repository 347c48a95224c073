//! Developer commands of Berth: `cargo xtask …`.

mod bench;
mod deb;
mod durations;
mod files;
mod levels;
mod node;
mod paths;
mod prerequisites;
mod process;
mod progress;
mod render;
mod setup;
mod suite;
mod up;
mod vm;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};

use node::{Credentials, Node};

/// Builds, tries and tests Berth.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Builds, boots a node, installs, sets up and creates the first user.
    Up(up::Arguments),
    /// Runs the tests: all levels, or those that are named.
    Test(levels::Arguments),
    /// Measures on a node of its own: time of a create, of a first page, memory.
    Bench(bench::Arguments),
    /// Works with the node of this checkout.
    #[command(subcommand)]
    Node(NodeCommand),
    /// Stops the node; its data stay.
    Down(DownArguments),
}

#[derive(Args)]
struct Name {
    /// The node; by default the one of this checkout, or what `BERTH_NODE` says.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

impl Name {
    fn resolve(&self) -> Result<String> {
        node::default_name(self.name.as_deref())
    }
}

#[derive(Args)]
struct DownArguments {
    #[command(flatten)]
    name: Name,
    /// Removes the node with all its data.
    #[arg(long)]
    remove: bool,
    /// Stops what `up --render DIR` started instead.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["name", "remove"])]
    render: Option<PathBuf>,
}

#[derive(Subcommand)]
enum NodeCommand {
    /// Boots the node without installing anything in it.
    Up {
        #[command(flatten)]
        name: Name,
        /// Removes what is there and starts over.
        #[arg(long)]
        fresh: bool,
    },
    /// Runs a command in the node as root.
    Exec {
        #[command(flatten)]
        name: Name,
        /// The command and its arguments.
        #[arg(last = true, required = true, value_name = "CMD")]
        command: Vec<String>,
    },
    /// Opens a shell in the node.
    Shell(Name),
    /// Shows the journal, or the console of a node that does not run.
    Logs {
        #[command(flatten)]
        name: Name,
        /// Arguments for journalctl.
        #[arg(last = true, value_name = "ARGUMENT")]
        arguments: Vec<String>,
    },
    /// Prints the node's address.
    Address(Name),
    /// Prints how to get into the panel.
    Credentials {
        #[command(flatten)]
        name: Name,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Stops the node; its data stay.
    Down(DownArguments),
    /// Becomes the container; started by `up`.
    #[command(hide = true)]
    Supervise(Name),
}

fn main() -> std::process::ExitCode {
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<std::process::ExitCode> {
    match command {
        Command::Up(arguments) => up::run(&arguments)?,
        Command::Test(arguments) => {
            if !levels::run(&arguments) {
                return Ok(std::process::ExitCode::FAILURE);
            }
        }
        Command::Bench(arguments) => bench::run(&arguments)?,
        Command::Node(command) => run_node(command)?,
        Command::Down(arguments) => down(&arguments)?,
    }
    Ok(std::process::ExitCode::SUCCESS)
}

fn run_node(command: NodeCommand) -> Result<()> {
    match command {
        NodeCommand::Up { name, fresh } => {
            let name = name.resolve()?;
            prerequisites::node()?;
            if fresh {
                Node::remove(&name)?;
            }
            Node::up(&name)?;
            Ok(())
        }
        NodeCommand::Exec { name, command } => Err(node::enter(&name.resolve()?, &command)?),
        NodeCommand::Shell(name) => Err(node::shell(&name.resolve()?)?),
        NodeCommand::Logs { name, arguments } => Err(node::logs(&name.resolve()?, &arguments)?),
        NodeCommand::Address(name) => {
            println!("{}", Node::running(&name.resolve()?)?.address());
            Ok(())
        }
        NodeCommand::Credentials { name, json } => credentials(&name.resolve()?, json),
        NodeCommand::Down(arguments) => down(&arguments),
        NodeCommand::Supervise(name) => Err(node::supervise(&name.resolve()?)?),
    }
}

fn credentials(name: &str, json: bool) -> Result<()> {
    let node = Node::running(name)?;
    let found = Credentials::load(node.instance())?
        .with_context(|| format!("node {name} is not set up; `cargo xtask up` does that"))?;
    if json {
        let text = serde_json::to_string_pretty(&found).context("cannot encode credentials")?;
        println!("{text}");
    } else {
        println!("panel     {}", found.panel_url);
        println!("admin     {} / {}", found.admin_login, found.admin_password);
        println!("API key   {}", found.api_key);
        println!("user      {} / {}", found.username, found.password);
    }
    Ok(())
}

fn down(arguments: &DownArguments) -> Result<()> {
    if let Some(dir) = &arguments.render {
        return render::down(dir);
    }
    let name = arguments.name.resolve()?;
    if arguments.remove {
        Node::remove(&name)
    } else {
        Node::down(&name)?;
        Ok(())
    }
}
