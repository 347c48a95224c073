//! `cargo xtask bench`: the figures that Berth is judged by, measured on a node made for that.

mod accounts;
mod conventional;
mod create;
mod egress;
mod first_answer;
mod memory;
mod report;
mod sample;

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde::Serialize;

use crate::durations::Durations;
use crate::node::{self, Node};
use crate::progress::Step;
use crate::{deb, files, prerequisites, setup};

use accounts::Accounts;
use conventional::Conventional;

/// What `bench` takes.
#[derive(Args)]
pub(crate) struct Arguments {
    /// With how many accounts to measure.
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_values_t = [10, 1_000])]
    accounts: Vec<usize>,
    /// Writes the figures into this file as well.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measures nothing but what the packet filter costs a packet; that takes no node.
    #[arg(long)]
    egress: bool,
    /// Measures packets in the network namespace of this process.
    #[arg(long, hide = true)]
    inside_egress: bool,
    /// Keeps the node afterwards, to look at it.
    #[arg(long)]
    keep: bool,
}

/// Everything that was measured.
#[derive(Serialize)]
struct Figures {
    /// The package of the accounts, which decides what runs for an idle one.
    package: &'static str,
    /// One for each number of accounts.
    rounds: Vec<Round>,
    /// What the packet filter costs a packet.
    packets: egress::Cost,
    /// How long the developer commands took.
    commands: Durations,
}

/// What was measured with one number of accounts present.
#[derive(Serialize)]
struct Round {
    /// How many accounts there were at the beginning of the round.
    accounts: usize,
    /// Idle memory.
    memory: memory::Memory,
    /// From the create to the first correct answer of the new site's PHP.
    first_answer: sample::Summary,
    /// The same the conventional way, with as many conventional accounts.
    conventional: sample::Summary,
    /// How many times faster Berth is, by the medians.
    ratio: f64,
    /// From the create to its answer.
    create: sample::Summary,
}

/// Measures and reports.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.inside_egress {
        return egress::inside();
    }
    if arguments.egress {
        egress::print(&egress::run()?);
        return Ok(());
    }
    let mut counts = arguments.accounts.clone();
    counts.sort_unstable();
    counts.dedup();
    ensure!(
        counts.iter().all(|count| (1..=5_000).contains(count)),
        "--accounts takes numbers from 1 to 5000"
    );
    prerequisites::node()?;
    prerequisites::suite()?;
    let deb = deb::build(None)?;
    let name = format!("{}-bench", node::default_name(None)?);
    Node::remove(&name)?;
    let mut node = Node::up(&name)?;
    setup::install(&mut node, &deb)?;
    let credentials = setup::set_up(&node)?;
    let measured = measure(&node, credentials.api_key, &counts);
    if !arguments.keep {
        Node::remove(&name)?;
    }
    let figures = Figures {
        package: accounts::DESCRIPTION,
        rounds: measured?,
        packets: egress::run()?,
        commands: Durations::load()?,
    };
    if let Some(path) = &arguments.json {
        let text = serde_json::to_string_pretty(&figures).context("cannot encode the figures")?;
        files::write(path, &(text + "\n"))?;
    }
    report::print(&figures);
    Ok(())
}

fn measure(node: &Node, key: String, counts: &[usize]) -> Result<Vec<Round>> {
    let accounts = Accounts::prepare(node, key)?;
    let mut rounds = Vec::new();
    for &count in counts {
        let step = Step::start(format!("filling up to {count} accounts"));
        accounts.fill(count)?;
        step.done();
        let count = accounts.count();
        let step = Step::start(format!("measuring with {count} accounts"));
        // Idle memory comes first: nothing of a tenant runs yet.
        let memory = memory::measure(node)?;
        let first_answer = first_answer::berth(&accounts)?;
        let create = create::measure(&accounts)?;
        step.done();
        let step = Step::start(format!("the conventional way with {count} accounts"));
        let conventional = Conventional::prepare(node, count)?;
        let compared = first_answer::conventional(&conventional);
        conventional.remove()?;
        let compared = compared?;
        step.done();
        rounds.push(Round {
            accounts: count,
            memory,
            ratio: compared.p50_ms / first_answer.p50_ms,
            first_answer,
            conventional: compared,
            create,
        });
    }
    Ok(rounds)
}
