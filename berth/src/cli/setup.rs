//! `berth setup`, and the part of it that runs as the server's user.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Global, block_on};
use crate::failure::Failure;
use crate::output::Console;
use crate::setup::{self, Wish};

#[derive(Debug, Args)]
pub(crate) struct SetupArgs {
    /// Address of the first administrator
    #[arg(long, value_name = "ADDRESS")]
    admin_email: Option<String>,

    /// Name under which the panel is reached; the host's own name if absent
    #[arg(long, value_name = "NAME")]
    hostname: Option<String>,

    /// Set up below this directory instead, and start nothing
    #[arg(long, value_name = "DIR")]
    render: Option<PathBuf>,
}

impl SetupArgs {
    pub(crate) fn run(self, global: &Global, console: Console) -> Result<(), Failure> {
        let wish = Wish { admin_email: self.admin_email, hostname: self.hostname };
        match self.render {
            None => setup::host(&global.config, &wish, console),
            Some(dir) => block_on(async {
                let answer = setup::render(&dir, &wish).await?;
                console.answer(&answer, || answer.shown());
                Ok(())
            }),
        }
    }
}

/// Parts of other commands that run as the server's user. Not for people.
#[derive(Debug, Subcommand)]
pub(crate) enum InternalCommand {
    /// Prepares the database
    Prepare {
        /// Address of the first administrator
        #[arg(long)]
        admin_email: String,
    },
    /// Writes the database to standard output
    Export,
    /// Reads the database from standard input
    Import,
}

impl InternalCommand {
    pub(crate) fn run(self, global: &Global, console: Console) -> Result<(), Failure> {
        block_on(async {
            match self {
                Self::Prepare { admin_email } => {
                    let prepared = setup::prepare_database(&global.config, &admin_email).await?;
                    console.answer(&prepared, String::new);
                    Ok(())
                }
                Self::Export => crate::backup::export_database(&global.config).await,
                Self::Import => crate::backup::import_database(&global.config).await,
            }
        })
    }
}
