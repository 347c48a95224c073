//! The `berth` program: server, agent and command line in one binary.

mod backup;
mod cli;
mod client;
mod doctor;
mod failure;
mod files;
mod output;
mod process;
mod setup;
mod timer_run;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::Cli;
use crate::output::Console;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let console = Console::new(cli.global.json);
    match cli.run(console) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            console.failure(&failure);
            ExitCode::from(failure.exit as u8)
        }
    }
}
