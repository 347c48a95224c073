//! `berth man`

use std::path::PathBuf;

use clap::{Args, CommandFactory};

use super::Cli;
use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Where the pages go; made if it is not there
    dir: PathBuf,
}

impl ManArgs {
    pub(crate) fn run(self) -> Result<(), Failure> {
        std::fs::create_dir_all(&self.dir)
            .and_then(|()| clap_mangen::generate_to(Cli::command(), &self.dir))
            .map_err(|error| {
                Failure::local(format!("cannot write manual pages into {}", self.dir.display()), error)
            })
    }
}
